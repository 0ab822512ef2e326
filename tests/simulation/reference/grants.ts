/** Random credit grants: some at the start and some later, for all usage or that of some prices; a few of them are expired, voided or given another end. Then some invoices are voided or credited. */
import { DAY } from './calendar.ts';
import type { Dice } from './dice.ts';
import type { Action, Grant, History } from './history.ts';
import type { Steps } from './steps.ts';

const HOUR = 3_600;

export function grantCredit(history: History, dice: Dice, steps: Steps): void {
  const { start, until, currency } = history;
  // Credit comes early or late, at a boundary, or while what was billed there is a draft.
  const moment = () => (dice.chance(0.4) ? start + dice.int(0, DAY) : dice.chance(0.3) ? steps.onBoundary() + dice.pick([0, 1, HOUR - 1, HOUR, dice.int(0, HOUR)]) : dice.int(start, until));
  const asked = Array.from({ length: dice.int(1, 4) }, (): Action[] => {
    const at = Math.min(until, moment());
    const effective_at = dice.chance(0.75) ? at : Math.max(at, moment());
    const expires_at = dice.chance(0.4) ? null : effective_at + Math.max(1, dice.chance(0.5) ? dice.int(1, until - start) : moment() - effective_at);
    const prices = dice.chance(0.6) || steps.metered.length === 0 ? null : [...new Set([dice.pick(steps.metered), dice.pick(steps.metered)])];
    const grant: Grant = {
      id: dice.id('credgr'), currency: dice.chance(0.92) ? currency : 'chf', amount: BigInt(dice.chance(0.5) ? dice.int(1, 3_000) : dice.int(1, 300_000)), priority: dice.pick([50, 50, 50, 0, 100]),
      category: dice.pick(['paid', 'promotional']), effective_at, expires_at, prices,
    };
    const later = (): number => at + dice.int(0, Math.max(0, until - at));
    const ends: Action[] = dice.chance(0.3) ? [{ at: later(), kind: dice.pick(['expire_grant', 'void_grant']), grant: grant.id }] : [];
    const moved = later();
    const moves: Action[] = dice.chance(0.15) ? [{ at: moved, kind: 'move_grant', grant: grant.id, expires_at: dice.chance(0.3) ? null : Math.max(moved, effective_at) + dice.int(1, until - start) }] : [];
    return [{ at, kind: 'grant', grant }, ...ends, ...moves];
  });
  const ofInvoices = dice.chance(0.7) ? dice.some(6, (): Action => {
    const of = { at: until - dice.int(0, Math.floor((until - start) / 3)), invoice: dice.int(1, 6) };
    return dice.chance(0.5) ? { ...of, kind: 'void' } : { ...of, kind: 'credit', credited: steps.credited(), to: dice.pick(['balance', 'out_of_band']) };
  }) : [];
  history.actions.push(...asked.flat(), ...ofInvoices);
  history.actions.sort((a, b) => a.at - b.at);
}
