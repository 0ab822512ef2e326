/** Lives that are changed in a way that must make no difference, or a known one. Each says what is wrong, or null; a life to which it does not apply says `undefined`. */
import { draftInvoice, type InvoiceOrder, type LineOrder } from '../../billing/invoice/draft.ts';
import { finalizeInvoice } from '../../billing/invoice/finalize.ts';
import type { InvoiceLineRow, InvoiceWhole } from '../../billing/invoice/invoice.ts';
import { voidInvoice } from '../../billing/invoice/void.ts';
import { Refusal } from '../../billing/decision.ts';
import type { TaxRateRow } from '../../billing/catalog.ts';
import { fullPeriod } from '../../billing/subscription/periods.ts';
import { CUSTOMER } from './catalog.ts';
import { live, liveThrough, type Life } from './engine.ts';
import { preview } from './engine_previews.ts';
import { Dice } from './reference/dice.ts';
import type { Action, Grant, History, Invoice, Item, Line, Outcome } from './reference/history.ts';
import { randomHistory } from './reference/random.ts';
import { outcomeText, sideBySide } from './tell.ts';

export type Finding = string | null | undefined;

const compared = (one: readonly string[], other: readonly string[]): Finding => (one.join('\n') === other.join('\n') ? null : sideBySide(one, other).join('\n'));

/** Usage in another order, in parts, comes to the same. */
export function orderOfUsage(seed: number): Finding {
  const history = randomHistory(seed);
  if (history.usage.length < 2) return undefined;
  const dice = new Dice(seed);
  const parts = history.usage.flatMap((use) => (/^[0-9]+$/.test(use.value) && Number(use.value) > 1 ? [{ ...use, value: '1' }, { ...use, value: String(Number(use.value) - 1) }] : [use]));
  const usage = parts.map((use) => ({ use, at: dice.random() })).sort((a, b) => a.at - b.at).map(({ use }) => use);
  return compared(outcomeText(live(history)), outcomeText(live({ ...history, usage })));
}

/** Without discounts, taxes and schedules, so that an amount is the price, a part of a period, and one rounding. */
function bare(history: History): History {
  const plain = (item: Item): Item => ({ ...item, discounts: [], tax_rates: [] });
  const actions = history.actions.flatMap((action): Action[] => {
    if (action.kind === 'change') return [{ ...action, once: undefined, waits: undefined, changes: action.changes.map((change) => (change.add ? { ...change, add: plain(change.add) } : change)) }];
    return ['discount', 'schedule', 'release', 'credit', 'void_note', 'move_price'].includes(action.kind) ? [] : [action];
  });
  return { ...history, scheduled: undefined, once: undefined, items: history.items.map(plain), discounts: [], default_tax_rates: [], actions, pending: history.pending.map((item) => ({ ...item, discounts: [], tax_rates: [] })) };
}

const linesOf = ({ invoices, pending }: Outcome): Line[] => [...invoices.flatMap((invoice) => invoice.lines), ...pending];
const sum = (lines: readonly Line[]): bigint => lines.reduce((total, line) => total + line.amount, 0n);
const size = (amount: bigint): bigint => (amount < 0n ? -amount : amount);

/** An item of a linear price, split in two of half of it each (the same price under another name), comes to the same: for whole periods exactly, for parts of them but for a rounding each. */
export function splitItem(seed: number): Finding {
  const history = bare(randomHistory(seed));
  const whole = history.items.find(({ price, quantity }) => price.meter === null && price.billing_scheme === 'per_unit' && price.transform_quantity === null && /^[0-9]+$/.test(price.unit_amount_decimal!) && quantity > 1);
  if (whole === undefined) return undefined;
  const actions = history.actions.filter((action) => action.kind !== 'change' || action.changes.every(({ key }) => key !== whole.key));
  const first: Item = { ...whole, quantity: Math.floor(whole.quantity / 2) };
  const second: Item = { ...whole, key: `${whole.key} too`, quantity: whole.quantity - first.quantity, price: { ...whole.price, id: `${whole.price.id} too` } };
  const one = linesOf(live({ ...history, actions })).filter((line) => line.key === whole.key);
  const two = linesOf(live({ ...history, actions, items: history.items.flatMap((item) => (item === whole ? [first, second] : [item])) })).filter((line) => line.key === first.key || line.key === second.key);
  const parts = one.filter((line) => line.proration).length + two.filter((line) => line.proration).length;
  const wholes = (lines: readonly Line[]) => sum(lines.filter((line) => !line.proration));
  if (wholes(one) !== wholes(two)) return `whole periods come to ${wholes(one)}, and split to ${wholes(two)}`;
  return size(sum(one) - sum(two)) > BigInt(parts) ? `it comes to ${sum(one)}, and split to ${sum(two)}` : null;
}

/** An upgrade and a downgrade in the same second come to nothing: exactly where the item is charged for its whole period, else but for a rounding. */
export function thereAndBack(seed: number): Finding {
  const dice = new Dice(seed);
  const history = bare(randomHistory(seed));
  const until = dice.int(history.start, history.until);
  const before = { ...history, until, actions: history.actions.filter((action) => action.at <= until) };
  const life = liveThrough(before);
  const { subscription } = life;
  const item = subscription.items.find((each) => each.quantity !== null);
  // What nobody is to pay is nothing that could be given back.
  if (subscription.ended_at !== null || subscription.status === 'paused' || subscription.pause_collection !== null || item === undefined) return undefined;
  const key = life.keys.get(item.id)!;
  const change = (quantity: number): Action => ({ at: until, kind: 'change', proration_behavior: dice.pick(['create_prorations', 'always_invoice'] as const), changes: [{ key, quantity }] });
  const changed = live({ ...before, actions: [...before.actions, change(Number(item.quantity) + dice.int(1, 9)), change(Number(item.quantity))] });
  const [debit] = item.debits;
  const difference = sum(linesOf(changed)) - sum(linesOf(life.outcome()));
  // A change without proration has left the item with what it was charged for before.
  if (debit === undefined || debit.price !== item.price || debit.quantity !== String(item.quantity)) return undefined;
  // The debit of a first period that is shorter is a part of the whole, rounded before.
  const exact = debit.start <= item.current_period_start && fullPeriod(subscription, item.terms, until).start === item.current_period_start;
  return size(difference) > (exact ? 0n : 1n) ? `an upgrade of ${key} and its reversal come to ${difference}` : null;
}

const isOfGrant = ({ kind }: Action): boolean => ['grant', 'move_grant', 'expire_grant', 'void_grant'].includes(kind);
const withoutGrants = (history: History): History => ({ ...history, actions: history.actions.filter((action) => !isOfGrant(action)) });

/** What a life is billed, whichever grant gives what of it. */
function billed(outcome: Outcome): string[] {
  const lines = (invoice: Invoice) => invoice.lines.map(({ credits, ...line }) => ({ ...line, credits: credits.length === 0 ? [] : [{ id: 'credit', amount: credits.reduce((all, each) => all + each.amount, 0n) }] }));
  const left = outcome.grants.flatMap(({ movements }) => movements).reduce((all, { amount }) => all + amount, 0n);
  return [...outcomeText({ ...outcome, invoices: outcome.invoices.map((invoice) => ({ ...invoice, lines: lines(invoice) })), grants: [], refused: [] }), `  ${left} of credit left`];
}

/** A life with grants is billed the same with other ones; where they give something. */
function byOtherGrants(history: History, others: (action: Action) => Action[]): Finding {
  if (!history.actions.some((action) => action.kind === 'grant') || history.usage.length === 0) return undefined;
  const one = live(history);
  if (one.invoices.every(({ lines }) => lines.every((line) => line.credits.length === 0))) return undefined;
  return compared(billed(one), billed(live({ ...history, actions: history.actions.flatMap(others) })));
}

/** A grant that comes in two parts, the same but for their amounts, gives what the whole does. Only a part that is unused could be voided. */
export function splitGrant(seed: number): Finding {
  const history = randomHistory(seed);
  const second = (id: string) => `${id} too`;
  return byOtherGrants({ ...history, actions: history.actions.filter(({ kind }) => kind !== 'void_grant') }, (action) => {
    if (action.kind === 'move_grant' || action.kind === 'expire_grant') return [action, { ...action, grant: second(action.grant) }];
    if (action.kind !== 'grant' || action.grant.amount < 2n) return [action];
    const half = action.grant.amount / 2n;
    return [{ ...action, grant: { ...action.grant, amount: half } }, { ...action, grant: { ...action.grant, id: second(action.grant.id), amount: action.grant.amount - half } }];
  });
}

/** The order in which grants come that are for all usage, and last, makes no difference to what they give together; nor do their priorities and categories. */
export function orderOfGrants(seed: number): Finding {
  const history = randomHistory(seed);
  const dice = new Dice(seed);
  const grants = history.actions.flatMap((action) => (action.kind === 'grant' ? [{ ...action.grant, expires_at: null, prices: null }] : []));
  const at = history.actions.find(isOfGrant)?.at ?? history.start;
  const given = (all: readonly Grant[]): Action[] => all.map((grant) => ({ at, kind: 'grant', grant: { ...grant, effective_at: at } }));
  const rest = withoutGrants(history).actions;
  const [earlier, later] = [rest.filter((action) => action.at < at), rest.filter((action) => action.at >= at)];
  const shuffled = grants.map((grant) => ({ ...grant, priority: dice.int(0, 100), category: dice.pick(['paid', 'promotional'] as const) })).toReversed();
  return byOtherGrants({ ...history, actions: [...earlier, ...given(grants), ...later] }, (action) => (action.kind !== 'grant' ? [action] : action.grant.id === grants[0]!.id ? given(shuffled) : []));
}

const orderOf = (line: InvoiceLineRow, { discount_rows, rate_rows }: InvoiceWhole): LineOrder => ({
  ...line, period: { start: line.period_start, end: line.period_end }, discounts: line.discounts.map((id) => discount_rows.find((row) => row.id === id)!), rates: line.tax_rates.map((id): TaxRateRow => rate_rows.find((row) => row.id === id)!),
});

/** An invoice that is voided and issued anew, with the same lines, is the same; and so is the balance. */
export function voidAndReissue(seed: number): Finding {
  const life = liveThrough(withoutGrants(randomHistory(seed)));
  const { store } = life;
  const [invoice] = store.invoices((each) => each.status === 'open' && each.amount_paid === 0n && each.pre_payment_credit_notes_amount === 0n).slice(-1);
  if (invoice === undefined) return undefined;
  const moment = store.moment(life.history.until);
  const { customer } = voidInvoice({ invoice, customer: store.customer(CUSTOMER), subscription: life.subscription, payments: store.openPayments(invoice.id) }, moment);
  const order: InvoiceOrder = {
    ...life.around(), customer, subscription: null, billing_reason: 'manual', obligation: null, currency: invoice.currency, collection_method: 'send_invoice', days_until_due: 30, period: { start: moment.now, end: moment.now },
    pending: [], lines: invoice.lines.map((line) => orderOf(line, invoice)), auto_advance: true,
    discounts: invoice.discounts.map((id) => invoice.discount_rows.find((row) => row.id === id)!), default_rates: invoice.default_tax_rates.map((id) => invoice.rate_rows.find((row) => row.id === id)!),
  };
  const again = finalizeInvoice({ invoice: draftInvoice(order, moment).invoice, customer, tax_ids: [], subscription_metadata: null, payment_method: null, reason: 'request' }, moment);
  const said = (each: InvoiceWhole, balance: bigint) => [
    `${each.subtotal} ${each.total} ${each.total_excluding_tax} ${each.subtotal_excluding_tax}, ${each.lines.map((line) => `${line.amount} ${JSON.stringify(line.discount_amounts)} ${JSON.stringify(line.taxes)}`).join('; ')}`,
    `${each.amount_due + balance} due and in the balance`,
  ];
  return compared(said(invoice, store.customer(CUSTOMER).balance), said(again.invoice, again.customer.balance));
}

const bill = (invoice: InvoiceWhole): string[] => [
  `  ${invoice.subtotal} ${invoice.total} ${invoice.total_excluding_tax}`,
  ...invoice.lines.map((line) => `  ${line.amount} ${line.period_start} ${line.period_end} ${line.quantity_decimal} ${line.price} ${JSON.stringify(line.discount_amounts.map((each) => each.amount))} ${JSON.stringify(line.taxes.map((each) => each.amount))}`),
];

/** The first invoice that there was not before: made by what is asked, or by the time that goes on. */
function nextInvoice(life: Life, known: ReadonlySet<string>, until: number): InvoiceWhole | undefined {
  for (;;) {
    const made = life.store.invoices().find((invoice) => !known.has(invoice.id));
    if (made) return made;
    const next = [...life.store.timers.values()].filter((timer) => timer.kind === 'subscription.renew' || timer.kind === 'subscription.sweep').map((timer) => timer.at).sort((a, b) => a - b)[0];
    if (next === undefined || next > until) return undefined;
    life.run(next);
  }
}

const YEARS = 5 * 366 * 86_400;

/** What is previewed is what is then billed, if nothing else happens. */
export function previewIsActual(seed: number): Finding {
  const dice = new Dice(seed);
  // A preview shows what credit would give, a draft has none of it yet.
  const history = withoutGrants(randomHistory(seed));
  const asked = history.actions.filter(({ kind }) => ['change', 'anchor_now', 'trial', 'cancel_now', 'pause', 'resume'].includes(kind));
  const picked = asked.length > 0 && dice.chance(0.8) ? dice.pick(asked) : null;
  // A cancellation is previewed with its last invoice.
  const action: Action | null = picked?.kind === 'cancel_now' ? { ...picked, invoice_now: true } : picked;
  const until = action?.at ?? dice.int(history.start, history.until);
  const actions = history.actions.slice(0, picked ? history.actions.indexOf(picked) : undefined).filter(({ at }) => at <= until);
  const before: History = { ...history, until, actions, usage: history.usage.filter(({ at }) => at < until), pending: history.pending.filter(({ at }) => at <= until) };
  const life = liveThrough(before);
  // What waits for a change's payment comes back with the next bill where that change is given up, which no preview foresees.
  if (life.subscription.pause_collection !== null || life.subscription.ended_at !== null || life.subscription.pending_update !== null) return undefined;
  const known = new Set(life.store.invoices().map((invoice) => invoice.id));
  try {
    const previewed = preview(life, action, until);
    if (action) life.carryOut(action);
    const actual = nextInvoice(life, known, until + YEARS);
    if (!previewed && action && ['pause', 'resume'].includes(action.kind)) return undefined;
    return compared(previewed ? bill(previewed) : ['  nothing'], actual ? bill(actual) : ['  nothing']);
  } catch (refusal) {
    if (refusal instanceof Refusal) return undefined;
    throw refusal;
  }
}

