import type { TrialOfferRow } from '../../../billing/trial_offer.ts';
import { rows, sql } from '../../../server/database/sql.ts';
import type { Tx } from '../../../server/database/world.ts';

/** Trial offers, archived ones among them, in the order of their ids. `lock` keeps others from changing them until the transaction ends. */
export function trialOffersById(tx: Tx, ids: readonly string[], lock = false): Promise<TrialOfferRow[]> {
  return rows<TrialOfferRow>(tx, sql`select * from trial_offers where id = any(${ids}::text[]) order by id ${lock ? sql`for update` : sql``}`);
}
