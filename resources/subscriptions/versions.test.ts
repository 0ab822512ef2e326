import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeForm } from '../../server/http/forms.ts';
import { upgradeRequest } from '../../server/http/versions.ts';
import { subscriptionVersions } from './versions.ts';

const lifted = (version: string, route: string, form: string): unknown => JSON.parse(JSON.stringify(upgradeRequest(version, route, decodeForm(form), subscriptionVersions)));

test('before endive a billing cycle anchor was a word', () => {
  for (const route of ['POST /v1/subscriptions/:subscription', 'POST /v1/subscriptions/:id/resume']) {
    assert.deepEqual(lifted('2026-08-26.dahlia', route, 'billing_cycle_anchor=now'), { billing_cycle_anchor: { type: 'now' } });
    assert.deepEqual(lifted('2025-03-31.basil', route, 'billing_cycle_anchor=unchanged'), { billing_cycle_anchor: { type: 'unchanged' } });
    assert.deepEqual(lifted('2026-08-26.dahlia', route, 'billing_cycle_anchor[type]=now'), { billing_cycle_anchor: { type: 'now' } });
    assert.deepEqual(lifted('2026-09-30.endive', route, 'billing_cycle_anchor=now'), { billing_cycle_anchor: 'now' });
    assert.deepEqual(lifted('2026-08-26.dahlia', route, 'billing_cycle_anchor='), { billing_cycle_anchor: '' });
  }
});

test('when a subscription is created, the anchor is a timestamp in all versions', () => {
  assert.deepEqual(lifted('2025-03-31.basil', 'POST /v1/subscriptions', 'billing_cycle_anchor=1790000000'), { billing_cycle_anchor: '1790000000' });
});

test('a preview knows timestamps besides', () => {
  const preview = (value: string) => lifted('2026-08-26.dahlia', 'POST /v1/invoices/create_preview', `subscription_details[billing_cycle_anchor]=${value}`);
  assert.deepEqual(preview('now'), { subscription_details: { billing_cycle_anchor: { type: 'now' } } });
  assert.deepEqual(preview('1790000000'), { subscription_details: { billing_cycle_anchor: { type: 'timestamp', timestamp: '1790000000' } } });
  assert.deepEqual(lifted('2026-08-26.dahlia', 'POST /v1/invoices/create_preview', 'subscription_details=x'), { subscription_details: 'x' });
});
