import type { TrialOfferRow } from '../../../billing/trial_offer.ts';
import { rowsById } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';

/** Trial offers, archived ones among them, in the order of their ids. `lock` keeps others from changing them until the transaction ends. */
export function trialOffersById(tx: Tx, ids: readonly string[], lock = false): Promise<TrialOfferRow[]> {
  return rowsById<TrialOfferRow>(tx, 'trial_offers', ids, lock);
}
