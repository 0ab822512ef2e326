/** The discount of a customer. Stripe shows one and takes it away, but has no request any more that gives one. */
import { giveDiscount as decide } from '../../../billing/customer/change.ts';
import { commit } from '../../../server/commit.ts';
import { momentOn, type Context } from '../../../server/context.ts';
import type { Params } from '../../../server/http/params.ts';
import type { Answer } from '../../../server/http/route.ts';
import { hasPaid } from '../../charges/rows.ts';
import { lockCustomer } from '../../customers/rows.ts';
import { discountFields } from '../../discounts/params.ts';
import { discountsGiven } from '../../discounts/rows.ts';

export const discountGiven = discountFields;

export async function giveDiscount(ctx: Context, given: Params<typeof discountGiven>, path: { customer: string }): Promise<Answer> {
  const customer = await lockCustomer(ctx, path.customer);
  const [named] = await discountsGiven(ctx.tx, [given], () => '');
  const { discount, ...made } = decide(customer, named!, { first_time: !(await hasPaid(ctx.tx, customer.id)) }, await momentOn(ctx, customer.test_clock));
  await commit(ctx, made);
  return { ref: { object: 'discount', id: discount.id } };
}
