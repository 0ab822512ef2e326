import { emptyMap, isMap, type Raw, type RawMap } from '../../server/http/forms.ts';
import type { VersionChange } from '../../server/http/versions.ts';

/** `now` → `{ type: "now" }`; a timestamp, which only a preview may have, → `{ type: "timestamp", timestamp }`. */
function lift(params: RawMap, timestamps: boolean): void {
  const anchor: Raw | undefined = params.billing_cycle_anchor;
  if (typeof anchor !== 'string' || anchor === '') return;
  const lifted = emptyMap();
  if (timestamps && /^[0-9]/.test(anchor)) {
    lifted.type = 'timestamp';
    lifted.timestamp = anchor;
  } else {
    lifted.type = anchor;
  }
  params.billing_cycle_anchor = lifted;
}

export const subscriptionVersions: VersionChange[] = [
  {
    before: '2026-09-30.endive',
    describes: 'To change or resume a subscription, `billing_cycle_anchor` is a map: `{ type: "now" | "unchanged" }`. Before, it was `now` or `unchanged`. To create one, it is a timestamp as ever.',
    request: { path: ['POST /v1/subscriptions/:subscription', 'POST /v1/subscriptions/:subscription/resume'], up: (raw) => lift(raw, false) },
  },
  {
    before: '2026-09-30.endive',
    describes: 'To preview an invoice, `subscription_details[billing_cycle_anchor]` is a map: `{ type: "now" | "unchanged" | "timestamp", timestamp }`. Before, it was `now`, `unchanged` or a timestamp.',
    request: {
      path: ['POST /v1/invoices/create_preview', 'POST /v1/kontor/invoices/create_preview/explanation', 'POST /v1/kontor/invoices/create_preview/comparison'],
      up(raw) {
        if (isMap(raw.subscription_details)) lift(raw.subscription_details, true);
      },
    },
  },
];
