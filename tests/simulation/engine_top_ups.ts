/** Prepaid credit of a life, by the engine. */
import { checking } from '../../billing/credit/grant.ts';
import { buyCredit, creditLeft, putTopUp, timesDue, type TopUpRow } from '../../billing/credit/top_up.ts';
import { decision, Refusal, type Decision, type Instant } from '../../billing/decision.ts';
import { costSoFar } from '../../billing/subscription/cost.ts';
import { hasEnded } from '../../billing/subscription/subscription.ts';
import { CUSTOMER } from './catalog.ts';
import type { Life } from './engine.ts';
import type { Action } from './reference/history.ts';

const activeOf = ({ store }: Life): TopUpRow | undefined => store.all<TopUpRow>('credit_top_ups').find((each) => each.active);

/** Looks at the moment whether credit has run low, where it is bought at all. */
export function watchCredit(life: Life, at: Instant): void {
  const top_up = activeOf(life);
  if (top_up) life.store.apply({ ...decision(), timers: [checking(top_up, at)] });
}

export function setTopUp(life: Life, { at, top_up: asked }: Extract<Action, { kind: 'top_up' }>): void {
  const { store, history: { currency } } = life;
  const before = activeOf(life);
  if (asked === null && before === undefined) throw new Refusal('resource_missing', 'Nothing is bought.');
  const made = before ?? { id: store.moment(at).newId('ctop'), created: at, customer: CUSTOMER, test_clock: null, name: 'Prepaid', currency, metadata: {} };
  const after: TopUpRow = { ...(made as TopUpRow), active: asked !== null, ...asked };
  const put: Decision = putTopUp(before ? { ...before } : null, after);
  store.apply({ ...put, timers: [checking(after, at)] });
}

/** What usage comes to that is over and that no finalized invoice has billed, as the server reads it from the database. */
function waitingUsage({ store }: Life): bigint {
  const drafted = store.invoices(({ status, auto_advance }) => status === 'draft' && auto_advance).flatMap((invoice) => invoice.lines);
  return [...drafted, ...store.pending()].reduce((sum, { metering, amount }) => (metering === null ? sum : sum + amount), 0n);
}

export function checkTopUp(life: Life, at: Instant): void {
  const { store, history: { currency } } = life;
  const top_up = activeOf(life);
  if (top_up === undefined) return;
  const { subscription, usage } = life.facts(at + 1);
  const costs = hasEnded(subscription) ? [] : costSoFar(subscription, usage, at + 1);
  const left = creditLeft(store.customer(CUSTOMER), costs, waitingUsage(life), currency, at);
  const waits = store.invoices(({ status, top_up: bought }) => bought !== null && (status === 'draft' || status === 'open')).length > 0;
  const times = timesDue(top_up, left, waits);
  if (times > 0n) store.apply(buyCredit(top_up, times, life.around(), store.moment(at)));
}
