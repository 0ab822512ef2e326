/** The smallest part of a life that still shows what the whole one shows. */
import type { Action, History, Item, Phase } from './reference/history.ts';

type Smaller = (history: History) => History[];

const without = <T>(list: readonly T[]): T[][] => list.map((_, n) => list.toSpliced(n, 1));

const itemsIn = (items: readonly Item[]): Item[][] => [
  ...(items.length > 1 ? without(items) : []),
  ...items.flatMap((item, n) => [
    ...(item.discounts.length > 0 ? [items.with(n, { ...item, discounts: [] })] : []),
    ...(item.usage_gte === undefined ? [] : [items.with(n, { ...item, usage_gte: undefined })]),
    ...(item.price.allowance ? [items.with(n, { ...item, price: { ...item.price, allowance: undefined } })] : []),
    ...(item.price.dimension_prices ? [items.with(n, { ...item, price: { ...item.price, dimension_prices: undefined } })] : []),
    ...(item.tax_rates.length > 0 ? [items.with(n, { ...item, tax_rates: [] })] : []),
  ]),
];

const phasesIn = (phases: readonly Phase[]): Phase[][] => [
  ...(phases.length > 0 ? [phases.slice(0, -1)] : []),
  ...phases.flatMap((phase, n) => [
    ...(phase.discounts.length > 0 ? [phases.with(n, { ...phase, discounts: [] })] : []),
    ...(phase.once ? [phases.with(n, { ...phase, once: undefined })] : []),
    ...(phase.default_tax_rates ? [phases.with(n, { ...phase, default_tax_rates: null })] : []),
    ...itemsIn(phase.items).map((items) => phases.with(n, { ...phase, items })),
  ]),
];

function actionsIn(action: Action): Action[] {
  if (action.kind === 'change') {
    const { date, once, ...plain } = action;
    return [...(date === undefined ? [] : [{ ...plain, once }]), ...(once ? [{ ...plain, date }] : []), ...(action.changes.length > 1 ? without(action.changes).map((changes) => ({ ...action, changes })) : [])];
  }
  if (action.kind === 'resume' && action.date !== undefined) return [{ ...action, date: undefined }];
  if (action.kind === 'schedule') return phasesIn(action.phases).map((phases) => ({ ...action, phases }));
  if (action.kind === 'discount') return without(action.discounts).map((discounts) => ({ ...action, discounts }));
  if (action.kind === 'credit' && 'lines' in action.credited && action.credited.lines.length > 1) return without(action.credited.lines).map((lines) => ({ ...action, credited: { lines } }));
  return [];
}

/** From what leaves most away to what leaves least. */
const WAYS: readonly Smaller[] = [
  (history) => history.actions.map((action) => ({ ...history, until: action.at })).filter(({ until }) => until < history.until),
  (history) => without(history.actions).map((actions) => ({ ...history, actions })),
  (history) => (history.scheduled ? [{ ...history, scheduled: undefined }, ...phasesIn(history.scheduled.phases).map((phases) => ({ ...history, scheduled: { ...history.scheduled!, phases } }))] : []),
  (history) => without(history.pending).map((pending) => ({ ...history, pending })),
  (history) => (history.once ? [{ ...history, once: undefined }] : []),
  (history) => (history.card && history.actions.every((action) => !('waits' in action) && action.kind !== 'settle') ? [{ ...history, card: undefined }] : []),
  (history) => (history.threshold ? [{ ...history, threshold: undefined }] : []),
  (history) => (history.sweep ? [{ ...history, sweep: undefined }] : []),
  (history) => (history.usage.length > 0 ? [{ ...history, usage: [] }, ...without(history.usage).map((usage) => ({ ...history, usage }))] : []),
  (history) => without(history.discounts).map((discounts) => ({ ...history, discounts })),
  (history) => without(history.default_tax_rates).map((default_tax_rates) => ({ ...history, default_tax_rates })),
  (history) => itemsIn(history.items).map((items) => ({ ...history, items })),
  (history) => history.actions.flatMap((action, n) => actionsIn(action).map((smaller) => ({ ...history, actions: history.actions.with(n, smaller) }))),
  (history) => history.pending.flatMap((item, n) => (item.discounts.length + item.tax_rates.length > 0 ? [{ ...history, pending: history.pending.with(n, { ...item, discounts: [], tax_rates: [] }) }] : [])),
];

/** Leaves away one thing after the other, as long as the rest still shows it. What can no longer be asked of a smaller life is refused there, so that each of them is a life. */
export function shrink(history: History, shows: (smaller: History) => boolean): History {
  let smallest = history;
  for (let found: History | undefined = smallest; found; ) {
    found = WAYS.values().flatMap((way) => way(smallest)).find(shows);
    if (found) smallest = found;
  }
  return smallest;
}
