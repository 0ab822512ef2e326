import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeForm } from '../../server/http/forms.ts';
import { downgrade, upgradeRequest, wanting } from '../../server/http/versions.ts';
import { discountVersions } from './versions.ts';

const discount = { id: 'di_1', object: 'discount', customer: 'cus_1', start: 1, source: { type: 'coupon', coupon: 'c10' } };

test('a basil caller sees the coupon on the discount, a clover caller its source', () => {
  const invoice = { id: 'in_1', object: 'invoice', discounts: ['di_0', discount], total_discount_amounts: [{ amount: 5, discount }] };
  const { source, ...rest } = discount;
  const older = { ...rest, coupon: 'c10' };
  assert.deepEqual(downgrade<unknown>('2025-08-27.basil', invoice, discountVersions), { id: 'in_1', object: 'invoice', discounts: ['di_0', older], total_discount_amounts: [{ amount: 5, discount: older }] });
  assert.deepEqual(downgrade('2025-09-30.clover', invoice, discountVersions), invoice);
  assert.deepEqual(wanting('2025-08-27.basil', invoice, discountVersions), [{ data: [discount, discount], paths: ['data.source.coupon'] }]);
});

test('an expanded coupon stays whole, a missing one is null, a deleted discount is lowered too', () => {
  const coupon = { id: 'c10', object: 'coupon', percent_off: 10 };
  assert.deepEqual(downgrade<unknown>('2025-03-31.basil', { ...discount, source: { type: 'coupon', coupon } }, discountVersions), { id: 'di_1', object: 'discount', customer: 'cus_1', start: 1, coupon });
  assert.deepEqual(downgrade<unknown>('2025-03-31.basil', { object: 'discount', deleted: true, source: { type: 'coupon', coupon: null } }, discountVersions), { object: 'discount', deleted: true, coupon: null });
  assert.deepEqual(wanting('2025-03-31.basil', { object: 'discount', source: { type: 'coupon', coupon: null } }, discountVersions), []);
});

test('paths of expand go through the source', () => {
  const lifted = (path: string) => upgradeRequest('2025-08-27.basil', 'GET /v1/customers/:customer', decodeForm(`expand[]=${path}`), discountVersions).expand;
  assert.deepEqual(lifted('discount.coupon.applies_to'), ['discount.source.coupon.applies_to']);
  assert.deepEqual(lifted('data.discounts.coupon'), ['data.discounts.source.coupon']);
  assert.deepEqual(lifted('discounts.coupons'), ['discounts.coupons']);
  assert.deepEqual(lifted('discounts'), ['discounts']);
});
