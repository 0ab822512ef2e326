import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeForm } from '../../server/http/forms.ts';
import { downgrade, upgradeRequest, wanting } from '../../server/http/versions.ts';
import { promotionCodeVersions } from './versions.ts';

const lifted = (version: string, route: string, form: string): unknown => JSON.parse(JSON.stringify(upgradeRequest(version, route, decodeForm(form), promotionCodeVersions)));

test('a basil caller makes a promotion code for a coupon', () => {
  assert.deepEqual(lifted('2025-08-27.basil', 'POST /v1/promotion_codes', 'coupon=c10&code=SUMMER'), { code: 'SUMMER', promotion: { type: 'coupon', coupon: 'c10' } });
  assert.deepEqual(lifted('2025-09-30.clover', 'POST /v1/promotion_codes', 'coupon=c10'), { coupon: 'c10' }, 'newer callers are told that there is no such parameter');
  assert.deepEqual(lifted('2025-08-27.basil', 'GET /v1/promotion_codes', 'coupon=c10&expand[]=data.coupon.applies_to'), { coupon: 'c10', expand: ['data.promotion.coupon.applies_to'] }, 'the filter kept its name');
});

test('a basil caller sees the whole coupon', () => {
  const code = { id: 'promo_1', object: 'promotion_code', code: 'SUMMER', promotion: { type: 'coupon', coupon: 'c10' } };
  assert.deepEqual(wanting('2025-08-27.basil', { object: 'list', data: [code] }, promotionCodeVersions), [{ data: [code], paths: ['data.promotion.coupon'] }]);
  const coupon = { id: 'c10', object: 'coupon' };
  assert.deepEqual(downgrade<unknown>('2025-08-27.basil', { ...code, promotion: { type: 'coupon', coupon } }, promotionCodeVersions), { id: 'promo_1', object: 'promotion_code', code: 'SUMMER', coupon });
  assert.deepEqual(downgrade('2025-09-30.clover', code, promotionCodeVersions), code);
});
