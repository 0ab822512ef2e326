/** Random steps of a life. They follow its items through changes and phases; what the life is not in a state for is refused, by the book as by the engine. */
import { boundary, DAY, sameRecurrence, spanAround } from './calendar.ts';
import type { Dice, Shop } from './dice.ts';
import type { Action, Credited, History, Item, ItemChange, Phase, Price, ProrationBehavior, Recurrence } from './history.ts';
import { changesBy } from './terms.ts';

/** What a life does beside changes and an end, and how often. */
const WAYS = [
  ['schedule', 0.2], ['pause', 0.18], ['collection', 0.1], ['trial', 0.08], ['invoices', 0.35], ['discount', 0.12], ['move', 0.1], ['dates', 0.12], ['sweep', 0.06], ['threshold', 0.06],
] as const;
type Way = (typeof WAYS)[number][0];
const RECURRENCES: readonly Recurrence[] = [{ interval: 'week', interval_count: 1 }, { interval: 'month', interval_count: 1 }, { interval: 'month', interval_count: 3 }, { interval: 'year', interval_count: 1 }];
const SWEEPS: readonly Recurrence[] = [{ interval: 'day', interval_count: 9 }, { interval: 'week', interval_count: 1 }, { interval: 'month', interval_count: 1 }];
const MOST_ITEMS = 4;
const LONGEST_TRIAL = 700 * DAY;

export class Steps {
  /** All metered prices of the life. */
  readonly metered: Price[] = [];
  private readonly history: History;
  private readonly dice: Dice;
  private readonly shop: Shop;
  private items: readonly Item[];
  /** When phases begin, with what they are. */
  private coming: readonly Phase[] = [];
  /** How many invoices and notes there may be. */
  private invoices = 1;
  private credits = 0;

  constructor(history: History, dice: Dice, shop: Shop) {
    this.history = history;
    this.dice = dice;
    this.shop = shop;
    this.items = history.items;
    this.meet(history.items.map((item) => item.price));
  }

  private meet(prices: readonly Price[]): void {
    for (const price of prices) if (price.meter !== null && !this.metered.includes(price)) this.metered.push(price);
  }

  onBoundary(): number {
    const { start, until, trial_end, anchor, backdate } = this.history;
    return Math.max(start, spanAround({ anchor: trial_end ?? anchor ?? backdate ?? start }, this.dice.pick(this.items).price.recurrence, this.dice.int(start, until)).start);
  }

  private moment(): number {
    const { start, until } = this.history;
    return this.dice.chance(0.15) ? this.onBoundary() : this.dice.int(start, until);
  }

  private behavior(): ProrationBehavior {
    return this.dice.pick(['create_prorations', 'create_prorations', 'always_invoice', 'none'] as const);
  }

  /** Puts random actions, in their order, into the history. */
  walk(): void {
    const { dice, history } = this;
    const { actions, start } = history;
    const ways = new Set<Way>(WAYS.filter(([, p]) => dice.chance(p)).map(([way]) => way));
    if (ways.has('schedule') && dice.chance(0.4)) this.scheduleStart();
    const moments = dice.some(7, () => this.moment()).concat(ways.size > 0 ? Array.from({ length: ways.size + dice.int(0, 3) }, () => this.moment()) : []).sort((a, b) => a - b);
    for (const [i, earlier] of moments.slice(0, -1).entries()) if (dice.chance(0.2)) moments[i + 1] = earlier;
    moments.sort((a, b) => a - b);
    for (const at of moments) {
      if (actions.length > 10) break;
      this.begun(at);
      const way = ways.size > 0 && dice.chance(0.5) ? dice.pick([...ways]) : null;
      actions.push(...(way === null ? this.change(at) : this.stepOf(way, at)));
    }
    actions.sort((a, b) => a.at - b.at);
    const last = Math.max(actions.at(-1)?.at ?? start, dice.chance(0.1) ? this.onBoundary() : dice.int(start, history.until));
    if (dice.chance(0.2)) actions.push({ at: last, kind: 'cancel_now', prorate: dice.chance(0.5), invoice_now: dice.chance(0.5) });
    else if (dice.chance(0.2)) actions.push({ at: last, kind: 'cancel_at_period_end' });
  }

  /** The items as they are at the moment, by the phases until then. */
  private begun(at: number): void {
    const phase = this.coming.findLast((one) => one.start <= at);
    if (phase) this.items = phase.items;
    this.coming = this.coming.filter((one) => one.start > at);
  }

  private change(at: number): Action[] {
    const { dice, history, shop } = this;
    const proration_behavior = this.behavior();
    if (dice.chance(0.06)) return this.waiting({ at, kind: 'anchor_now', proration_behavior });
    const changes: ItemChange[] = [];
    const reversal: ItemChange[] = [];
    let items = this.items;
    const put = (key: string, more: Partial<Item>) => (items = items.map((item) => (item.key === key ? { ...item, ...more } : item)));
    const one = dice.pick(items);
    // A change to a recurrence of which few periods are left.
    const others = RECURRENCES.filter((to) => boundary(at, to, 14) > history.until && !sameRecurrence(to, one.price.recurrence));
    if (dice.chance(0.06) && others.length > 0) {
      const price = shop.price(one.price.meter, dice.pick(others));
      changes.push({ key: one.key, price });
      put(one.key, { price });
    } else {
      for (const { key, quantity, price } of items.filter(() => dice.chance(0.5))) {
        const way = dice.random();
        if (way < 0.12 && items.length > 1) {
          changes.push({ key, remove: true });
          items = items.filter((item) => item.key !== key);
        } else if (way < 0.4 || price.meter !== null) {
          const other = { price: shop.price(price.meter, price.recurrence), ...(price.meter === null && dice.chance(0.3) && { quantity: dice.int(0, 12) }) };
          changes.push({ key, ...other });
          put(key, other);
        } else {
          const other = (quantity + dice.int(1, 12)) % 13;
          changes.push({ key, quantity: other });
          put(key, { quantity: other });
          reversal.push({ key, quantity });
        }
      }
    }
    if (items.length < MOST_ITEMS && dice.chance(0.2)) {
      const add = shop.item();
      changes.push({ key: add.key, add });
      items = [...items, add];
      this.meet([add.price]);
    }
    this.items = items;
    const once = dice.chance(0.08) ? { once: [shop.once(), ...dice.some(1, () => shop.once())] } : {};
    if (changes.length === 0 && !once.once) return [];
    const date = dice.chance(0.12) ? { date: this.near(at) } : {};
    const first: Action = { at, kind: 'change', changes, proration_behavior, ...date, ...once };
    if (reversal.length === 0 || !dice.chance(0.2)) return this.waiting(first);
    this.items = items.map((item) => ({ ...item, ...reversal.find((back) => back.key === item.key) }));
    return [first, { at, kind: 'change', changes: reversal, proration_behavior }];
  }

  /** A moment in the period of an item, or not far from it. */
  private near(at: number): number {
    const { dice, history: { trial_end, anchor, backdate, start } } = this;
    const { start: from, end } = spanAround({ anchor: trial_end ?? anchor ?? backdate ?? start }, dice.pick(this.items).price.recurrence, at);
    return dice.chance(0.4) ? dice.int(from, at) : dice.int(from - DAY, end);
  }

  /** By a card, a change may wait for its payment; then it is paid, voided, replaced, or left until its time is over. */
  private waiting(change: Extract<Action, { kind: 'change' | 'anchor_now' | 'trial' }>): Action[] {
    const { dice, history } = this;
    if (!history.card || !dice.chance(0.6)) return [change];
    if (dice.chance(0.3)) return [{ ...change, waits: 'pay' }];
    const later = change.at + dice.int(0, 20 * 3_600);
    const next: Action[] = dice.chance(0.5) ? [{ at: later, kind: 'settle', how: dice.chance(0.75) ? 'pay' : 'void' }] : dice.chance(0.4) ? this.stepOf(dice.pick(['discount', 'pause', 'collection', 'dates', 'sweep', 'invoices', 'move']), later) : [];
    return [{ ...change, proration_behavior: dice.chance(0.7) ? 'always_invoice' : change.proration_behavior, waits: 'fail' }, ...next];
  }

  private stepOf(way: Way, at: number): Action[] {
    const { dice, shop, history } = this;
    switch (way) {
      case 'schedule': return dice.chance(0.15) ? [{ at, kind: 'release', preserve_cancel_date: dice.chance(0.5) }] : [this.schedule(at)];
      case 'pause': return this.pause(at);
      case 'collection': return dice.chance(0.2) ? [{ at, kind: 'collect' }] : [this.pauseCollection(at)];
      case 'trial': return this.waiting({ at, kind: 'trial', until: dice.chance(0.3) ? 'now' : at + (dice.chance(0.5) ? dice.int(1, 20) * DAY : dice.int(1, 20 * DAY)), proration_behavior: this.behavior() });
      case 'discount': return [{ at, kind: 'discount', discounts: dice.some(2, () => shop.coupon()) }];
      case 'move': return this.move(at);
      case 'dates': return [dice.chance(0.3) ? { at, kind: 'uncancel' } : dice.chance(0.2) ? { at, kind: 'cancel_at_period_end' } : { at, kind: 'cancel_at', moment: at + dice.int(1, Math.max(1, history.until - at)) }];
      case 'sweep': return [{ at, kind: 'sweep', interval: dice.chance(0.2) ? null : dice.pick(SWEEPS) }];
      case 'threshold': return [{ at, kind: 'threshold', threshold: dice.chance(0.15) ? null : { amount_gte: dice.chance(0.9) ? BigInt(dice.int(1, 20_000)) : null, reset: dice.chance(0.3) } }];
      case 'invoices': return [this.invoiceStep(at)];
    }
  }

  private pause(at: number): Action[] {
    const { dice, history } = this;
    const pause: Action = {
      at, kind: 'pause', unused_time_from: dice.pick(['now', 'now', 'item_current_period_start', 'none'] as const), outstanding_usage_through: dice.chance(0.7) ? 'now' : 'none',
      invoicing_behavior: dice.chance(0.4) ? 'invoice' : 'pending_invoice_item',
    };
    const resume = (later: number): Action => ({ at: later, kind: 'resume', anchor: dice.chance(0.5) ? 'now' : 'unchanged', proration_behavior: this.behavior(), then: history.card ? 'pay' : dice.pick(['pay', 'pay', 'fail', 'void'] as const), ...(dice.chance(0.1) && { date: this.near(later) }) });
    if (dice.chance(0.3)) return [resume(at)];
    return dice.chance(0.3) ? [pause, resume(at)] : dice.chance(0.5) && at < history.until ? [pause] : [resume(at), pause];
  }

  private pauseCollection(at: number): Action {
    const { dice, history } = this;
    return { at, kind: 'pause_collection', behavior: dice.pick(['keep_as_draft', 'mark_uncollectible', 'void'] as const), resumes_at: dice.chance(0.5) ? null : at + dice.int(1, Math.max(1, history.until - at)) };
  }

  private move(at: number): Action[] {
    const { dice, shop } = this;
    const one = dice.pick(this.items);
    const to = shop.price(one.price.meter, one.price.recurrence);
    const when = dice.chance(0.4) ? 'period_end' : 'now';
    if (when === 'now') this.items = this.items.map((item) => (item.key === one.key ? { ...item, price: to } : item));
    return [{ at, kind: 'move_price', from: one.price.id, to, proration_behavior: this.behavior(), when }];
  }

  private invoiceStep(at: number): Action {
    const { dice } = this;
    this.invoices += 1;
    const invoice = dice.int(0, this.invoices);
    const way = dice.random();
    if (way < 0.3) return { at, kind: dice.chance(0.7) ? 'pay' : 'void', invoice };
    if (way < 0.5 && this.credits > 0) return { at, kind: 'void_note', note: dice.int(0, Math.min(1, this.credits - 1)) };
    this.credits += 1;
    return { at, kind: 'credit', invoice: dice.chance(0.5) ? 0 : invoice, credited: this.credited(), to: dice.chance(0.5) ? 'balance' : 'out_of_band' };
  }

  credited(): Credited {
    const { dice } = this;
    if (dice.chance(0.4)) return { amount: BigInt(dice.int(1, 3000)) };
    const lines = [...new Set([dice.int(0, 2), dice.int(0, 2)])];
    return { lines: lines.map((line) => (dice.chance(0.5) ? { line, quantity: dice.int(1, 3) } : { line, amount: BigInt(dice.chance(0.2) ? dice.int(-900, -1) : dice.int(1, 2000)) })) };
  }

  private scheduleStart(): void {
    const { history } = this;
    const { start, trial_end, backdate, anchor, sweep, threshold, missing_payment_method } = history;
    if (backdate !== undefined || anchor !== undefined || missing_payment_method !== undefined) return;
    const { end, phases, end_behavior } = this.schedule(start);
    const from_scratch = this.dice.chance(0.5) ? start : start - this.dice.int(1, 60 * DAY);
    if (sweep === undefined && threshold === undefined && (trial_end ?? 0) <= end && this.dice.chance(trial_end === undefined ? 0.5 : 1)) history.scheduled = { end, phases, end_behavior, from_scratch };
    else if (trial_end === undefined) history.scheduled = { end, phases, end_behavior };
    else this.coming = [];
  }

  /** As it is for a while, then one to three phases. */
  private schedule(at: number): Extract<Action, { kind: 'schedule' }> {
    const { dice, history } = this;
    const span = Math.max(4 * DAY, history.until - at);
    const after = (start: number) => {
      const { recurrence } = dice.pick(this.items).price;
      const { trial_end, anchor, backdate } = history;
      const edge = spanAround({ anchor: trial_end ?? anchor ?? backdate ?? history.start }, recurrence, start).end;
      return dice.chance(0.5) && edge > start ? edge : start + dice.int(1, Math.ceil(span / 2));
    };
    const end = after(at);
    const phases: Phase[] = [];
    let items = this.items;
    for (let n = dice.int(0, 3), start = end; n > 0; n -= 1) {
      const phase = this.phase(items, start, after(start), phases.at(-1));
      phases.push(phase);
      ({ items, end: start } = phase);
    }
    this.coming = phases;
    return { at, kind: 'schedule', end, phases, end_behavior: dice.chance(0.3) ? 'cancel' : 'release' };
  }

  private phase(before: readonly Item[], start: number, end: number, earlier: Phase | undefined): Phase {
    const { dice, shop, history } = this;
    const others = RECURRENCES.filter((to) => boundary(start, to, 14) > history.until);
    const [other] = dice.chance(0.08) && others.length > 0 ? [dice.pick(others)] : [];
    const kept = before.filter(() => dice.chance(0.85)).map((item): Item => {
      const way = dice.random();
      const quantity = item.price.meter === null ? dice.int(0, 12) : 0;
      const discounts = dice.chance(0.7) ? item.discounts : shop.discounts();
      if (way < 0.3) return { ...item, discounts };
      if (way < 0.6) return { ...item, quantity, discounts };
      return { ...item, quantity, discounts, price: shop.price(item.price.meter, other ?? item.price.recurrence) };
    });
    const asked = kept.length === 0 || (kept.length < MOST_ITEMS && dice.chance(0.2)) ? [...kept, shop.item()] : kept;
    const shuffled = dice.chance(0.2) ? asked.toReversed() : asked;
    // An item that takes the place of another one goes on under its key.
    const placed = changesBy(before, { start, items: shuffled });
    const items = shuffled.map((item, n) => ({ ...item, key: placed[n]!.key }));
    this.meet(items.map((item) => item.price));
    const discounts = dice.chance(0.5) ? (earlier?.discounts ?? history.discounts) : shop.discounts();
    return {
      start, end, items, ...(dice.chance(0.1) && { once: [shop.once(), ...dice.some(1, () => shop.once())] }), discounts, default_tax_rates: dice.chance(0.8) ? null : dice.some(2, () => shop.rate()),
      trial_end: dice.chance(0.15) ? (dice.chance(0.4) && end - start < LONGEST_TRIAL ? end : start + dice.int(1, Math.min(end - start, LONGEST_TRIAL))) : null, anchored: dice.chance(0.15), proration_behavior: this.behavior(),
    };
  }
}
