/** Whether a life has a threshold at any time: all others need not be looked at when something is used. */
import type { History, Item } from './history.ts';

const has = (item: Item): boolean => item.usage_gte !== undefined;

export function isWatched({ threshold, items, scheduled, actions }: History): boolean {
  if (threshold || items.some(has) || scheduled?.phases.some((phase) => phase.items.some(has))) return true;
  return actions.some((action) => {
    if (action.kind === 'change') return action.changes.some(({ add }) => add && has(add));
    return action.kind === 'threshold' || (action.kind === 'schedule' && action.phases.some((phase) => phase.items.some(has)));
  });
}

/** Whether credit is bought at any time where it runs low. */
export const isPrepaid = ({ actions }: History): boolean => actions.some((action) => action.kind === 'top_up');
