import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeForm } from '../../server/http/forms.ts';
import { upgradeRequest } from '../../server/http/versions.ts';
import { paymentIntentVersions } from './versions.ts';

const lifted = (version: string, route: string, form: string): unknown => JSON.parse(JSON.stringify(upgradeRequest(version, route, decodeForm(form), paymentIntentVersions)));

test('before endive the caller chose the types of payment methods', () => {
  for (const route of ['POST /v1/payment_intents', 'POST /v1/payment_intents/:payment_intent/confirm', 'POST /v1/setup_intents/:id', 'POST /v1/checkout/sessions']) {
    assert.deepEqual(lifted('2026-08-26.dahlia', route, 'payment_method_types[]=card'), { allowed_payment_method_types: ['card'] }, route);
    assert.deepEqual(lifted('2026-09-30.endive', route, 'payment_method_types[]=card'), { payment_method_types: ['card'] }, route);
  }
  assert.deepEqual(lifted('2026-08-26.dahlia', 'POST /v1/payment_links', 'payment_method_types[]=card'), { payment_method_types: ['card'] });
});
