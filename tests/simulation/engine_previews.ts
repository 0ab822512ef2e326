/** What a life would be billed next, by the engine's previews. */
import type { InvoiceWhole } from '../../billing/invoice/invoice.ts';
import { NO_CHANGE } from '../../billing/subscription/change.ts';
import { previewCancel, previewChange, previewPause, previewRenewal, previewResume, type Preview } from '../../billing/subscription/preview.ts';
import type { Life } from './engine.ts';
import type { Action } from './reference/history.ts';

/** By the action or, without one, by the time that goes on. */
export function preview(life: Life, action: Action | null, at: number): InvoiceWhole | null {
  const facts = { ...life.facts(at), first_time: true };
  const moment = life.store.moment(at);
  const previewed = (): Preview | null => {
    switch (action?.kind) {
      case undefined: return previewRenewal(facts, moment);
      case 'cancel_now': return previewCancel({ prorate: action.prorate }, facts, moment);
      case 'pause': return previewPause({ unused_time_from: action.unused_time_from, outstanding_usage_through: action.outstanding_usage_through, invoicing_behavior: action.invoicing_behavior }, facts, moment);
      case 'resume': return previewResume({ billing_cycle_anchor: action.anchor, proration_behavior: action.proration_behavior, proration_date: action.date ?? null, payment_behavior: 'resume_on_payment_attempt' }, facts, moment);
      case 'change': case 'anchor_now': case 'trial': return previewChange({ ...NO_CHANGE, ...life.orderOf(action) }, facts, moment);
      default: throw new Error(`${action!.kind} has no preview`);
    }
  };
  return previewed()?.invoice ?? null;
}
