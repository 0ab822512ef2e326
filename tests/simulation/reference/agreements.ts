/** Random commitments and top-ups: most from the start on; some come later, are changed, or end. */
import type { Dice } from './dice.ts';
import type { Action, History } from './history.ts';
import type { Steps } from './steps.ts';

export function commit(history: History, dice: Dice, steps: Steps): void {
  const { start, until, actions } = history;
  const moment = () => (dice.chance(0.3) ? steps.onBoundary() : dice.int(start, until));
  const agreed = (at: number): Action => ({ at, kind: 'commitment', amount: dice.chance(0.5) ? BigInt(dice.int(1, 2_000)) : BigInt(dice.int(1, 80_000)) });
  actions.push(agreed(dice.chance(0.7) ? start : moment()), ...dice.some(2, () => (dice.chance(0.75) ? agreed(moment()) : { at: moment(), kind: 'commitment' as const, amount: null })));
  actions.sort((a, b) => a.at - b.at);
}

export function topUp(history: History, dice: Dice): void {
  const { start, until, actions } = history;
  const bought = (at: number): Action => {
    const amount = BigInt(dice.int(100, 20_000));
    return { at, kind: 'top_up', top_up: { amount, threshold: dice.chance(0.5) ? BigInt(dice.int(1, 400)) : BigInt(dice.int(1, 20_000)), priority: dice.pick([50, 50, 0, 100]), expires_in_days: dice.chance(0.5) ? null : dice.int(1, 200) } };
  };
  const moment = () => dice.int(start, until);
  actions.push(bought(dice.chance(0.7) ? start : moment()), ...dice.some(2, () => (dice.chance(0.7) ? bought(moment()) : { at: moment(), kind: 'top_up' as const, top_up: null })));
  actions.sort((a, b) => a.at - b.at);
}
