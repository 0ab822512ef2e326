import type Stripe from 'stripe';
import { refuse, together } from '../../../billing/decision.ts';
import { advanceTestClock, createTestClock, deleteTestClock, type TestClockRow } from '../../../billing/test_clock.ts';
import { commit } from '../../../server/commit.ts';
import { realMoment, type Context, type Json, type Room, type TimerCommand } from '../../../server/context.ts';
import { agrees, covers } from '../../../server/http/agreement.ts';
import { missing } from '../../../server/http/errors.ts';
import { fields, listParams, required, text, timestamp, unsupported, type Params } from '../../../server/http/params.ts';
import { del, get, post } from '../../../server/http/route.ts';
import type { Wire } from '../../../server/http/wire.ts';
import { page, renderList } from '../../../server/lists.ts';
import { testClock } from './resource.ts';
import { deleteHanging, lockClocks } from './rows.ts';

/** The end of the year 8999: whatever is set from there, such as a period or a coupon's end, is still before the year 10000, the first that Kontor cannot tell. */
const frozen_time = required(timestamp({ max: 221_845_391_999 }));

const createParams = fields({ frozen_time, name: text({ max: 300 }), customer: unsupported('create the customer with `test_clock` instead') });
covers<Stripe.TestHelpers.TestClockCreateParams, typeof createParams>(true);
agrees<Stripe.TestHelpers.TestClockCreateParams, typeof createParams>(true);
const advanceParams = fields({ frozen_time });
covers<Stripe.TestHelpers.TestClockAdvanceParams, typeof advanceParams>(true);
agrees<Stripe.TestHelpers.TestClockAdvanceParams, typeof advanceParams>(true);
const listClocks = listParams({});
covers<Stripe.TestHelpers.TestClockListParams, typeof listClocks>(true);
agrees<Stripe.TestHelpers.TestClockListParams, typeof listClocks>(true);
const nothing = fields({});
covers<Stripe.TestHelpers.TestClockRetrieveParams, typeof nothing>(true);
covers<Stripe.TestHelpers.TestClockDeleteParams, typeof nothing>(true);

async function create(ctx: Context, given: Params<typeof createParams>): Promise<Json> {
  if (ctx.world.livemode) refuse('livemode_mismatch', 'Test clocks exist in test mode only. Use a test key.');
  const decided = createTestClock({ frozen_time: given.frozen_time, name: given.name ?? null }, realMoment(ctx.app));
  await commit(ctx, decided);
  return testClock.render(decided.clock, ctx.world);
}

async function lockClock(ctx: Context, id: string): Promise<TestClockRow> {
  const [clock] = await lockClocks(ctx.tx, [id]);
  return clock ?? missing('test clock', id);
}

async function advance(ctx: Context, given: Params<typeof advanceParams>, path: { clock: string }): Promise<Json> {
  const decided = advanceTestClock(await lockClock(ctx, path.clock), given.frozen_time);
  await commit(ctx, decided);
  return testClock.render(decided.clock, ctx.world);
}

/** Deletes clocks with their customers and all that hangs on them. Events and the ledger stay: both are only ever added to. */
async function deleteClocks(ctx: Context, clocks: readonly TestClockRow[]): Promise<void> {
  await deleteHanging(ctx, clocks.map((clock) => clock.id));
  await commit(ctx, together(clocks.map(deleteTestClock)));
}

async function remove(ctx: Context, _given: object, path: { clock: string }): Promise<Wire<Stripe.TestHelpers.DeletedTestClock>> {
  const clock = await lockClock(ctx, path.clock);
  await deleteClocks(ctx, [clock]);
  return { id: clock.id, object: 'test_helpers.test_clock', deleted: true };
}

const expire: TimerCommand = async (ctx, due) => deleteClocks(ctx, await lockClocks(ctx.tx, due.map((each) => each.subject)));

async function retrieve(ctx: Context, _given: object, path: { clock: string }): Promise<Json> {
  const [clock] = await testClock.load!(ctx, [path.clock]);
  return testClock.render(clock ?? missing('test clock', path.clock), ctx.world);
}

async function list(ctx: Context, given: Params<typeof listClocks>): Promise<Json> {
  const { data, has_more } = await page<TestClockRow>(ctx, 'test_clocks', 'test clock', [], given);
  return renderList('/v1/test_helpers/test_clocks', data.map((clock) => testClock.render(clock, ctx.world)), has_more);
}

export const testClocks: Room = {
  resources: [testClock],
  timers: { 'test_clock.expire': expire },
  routes: [
    post('/v1/test_helpers/test_clocks', createParams, create),
    get('/v1/test_helpers/test_clocks', listClocks, list),
    get('/v1/test_helpers/test_clocks/:clock', nothing, retrieve),
    del('/v1/test_helpers/test_clocks/:clock', nothing, remove),
    post('/v1/test_helpers/test_clocks/:clock/advance', advanceParams, advance),
  ],
};
