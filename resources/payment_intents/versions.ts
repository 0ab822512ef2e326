import type { VersionChange } from '../../server/http/versions.ts';

export const paymentIntentVersions: VersionChange[] = [
  {
    before: '2026-09-30.endive',
    describes:
      'The caller no longer chooses the `payment_method_types` of payment intents, setup intents and Checkout Sessions: `allowed_payment_method_types` limits them, and `payment_method_types` says in the answer which remained.',
    request: {
      path: [
        'POST /v1/payment_intents', 'POST /v1/payment_intents/:intent', 'POST /v1/payment_intents/:intent/confirm',
        'POST /v1/setup_intents', 'POST /v1/setup_intents/:intent', 'POST /v1/checkout/sessions',
      ],
      up(raw) {
        if (raw.payment_method_types === undefined || raw.allowed_payment_method_types !== undefined) return;
        raw.allowed_payment_method_types = raw.payment_method_types;
        delete raw.payment_method_types;
      },
    },
  },
];
