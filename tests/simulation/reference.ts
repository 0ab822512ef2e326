// The rules of docs/concepts/bill.md a second time, for the simulation to judge the engine by. It shares no code and no method with `billing/`: fractions are exact, months come
// from a table that was walked month by month, the books (a journal of every line ever made) are read again for each question instead of keeping running state.
//
// A history is what is asked of one subscription; `recompute` says which invoices must result, to the minor unit. All times are seconds UTC.
// Within one second the order is: the clock's own renewals, pending invoice items, actions in the order of the list.

export type Recurrence = { interval: 'day' | 'week' | 'month' | 'year', interval_count: number }
/** `up_to: null` is `inf`. Amounts are decimals of the minor unit; null is none. */
export type Tier = { up_to: number | null, unit_amount_decimal: string | null, flat_amount_decimal: string | null }
export type Price = {
  id: string, product: string, currency: string, recurrence: Recurrence, usage_type: 'licensed' | 'metered', billing_scheme: 'per_unit' | 'tiered'
  unit_amount_decimal: string | null, tiers: Tier[] | null, tiers_mode: 'graduated' | 'volume' | null, transform_quantity: { divide_by: number, round: 'up' | 'down' } | null
}
export type Rate = { id: string, percentage: string, inclusive: boolean }
/** A discount as it is given: each place in a history has a coupon (and an id) of its own. */
export type Coupon = {
  id: string, percent_off?: string, amount_off?: bigint, currency?: string, currency_options?: Record<string, bigint>
  duration: 'once' | 'repeating' | 'forever', duration_in_months?: number, products?: string[]
}
/** A key names one item for ever (and the meter of a metered one); it is not used again after removal. `quantity` is 0 for a metered item. */
export type Item = { key: string, price: Price, quantity: number, tax_rates: Rate[], discounts: Coupon[] }
/** An invoice item made by hand; `of` says whether it names the subscription or only the customer. */
export type PendingItem = {
  key: string, at: number, of: 'subscription' | 'customer', amount: bigint, discountable: boolean, product: string | null, tax_rates: Rate[], discounts: Coupon[]
}
export type ProrationBehavior = 'create_prorations' | 'always_invoice' | 'none'
/** One of: a whole item to add; `remove: true`; or a new quantity and/or price. A key stands at most once in a change. */
export type ItemChange = { key: string, quantity?: number, price?: Price, remove?: true, add?: Item }
export type Action =
  | { at: number, kind: 'change', changes: ItemChange[], proration_behavior: ProrationBehavior }
  | { at: number, kind: 'anchor_now', proration_behavior: ProrationBehavior }
  | { at: number, kind: 'cancel_now', prorate: boolean, invoice_now: boolean }
  | { at: number, kind: 'cancel_at_period_end' }
export type History = {
  seed?: number, currency: string, tax_exempt: 'none' | 'exempt' | 'reverse'
  /** The moment of creation. `backdate` is earlier, `anchor` and `trial_end` are later; a trial stands with neither of the others. */
  start: number, backdate?: number, anchor?: number, trial_end?: number
  /** `billing_cycle_anchor_config.day_of_month`; `anchor` is then the moment that it results in, which may be the start itself. */
  anchor_day_of_month?: number
  proration_behavior: 'create_prorations' | 'none'
  items: Item[], discounts: Coupon[], default_tax_rates: Rate[]
  /** `value` is a positive decimal; in any order. */
  usage: { key: string, at: number, value: string }[]
  pending: PendingItem[], actions: Action[]
  /** The clock is run to here, inclusive. */
  until: number
}

export type LineKind = 'licensed' | 'metered' | 'credit' | 'debit' | 'pending'
/** `key` is the item's, or the pending item's. `discounts` leaves out those of 0; `taxes` shows every rate. `quantity` is a plain decimal. Waiting lines have no discounts and taxes yet. */
export type Line = {
  key: string, kind: LineKind, amount: bigint, period: { start: number, end: number }, quantity: string, proration: boolean, discountable: boolean
  discounts: { id: string, amount: bigint }[], taxes: { id: string, amount: bigint, inclusive: boolean }[]
}
/** `subscription_cancel` is the last invoice, at once or at the period's end. */
export type Reason = 'subscription_create' | 'subscription_cycle' | 'subscription_update' | 'subscription_cancel'
export type Invoice = { at: number, reason: Reason, lines: Line[], subtotal: bigint, total: bigint, total_excluding_tax: bigint, subtotal_excluding_tax: bigint }
/** `pending`: what waits at `until`, in the order of creation. */
export type Outcome = { invoices: Invoice[], pending: Line[], ended_at: number | null }

// Exact numbers -------------------------------------------------------------------------------------------------------------------------------------------------
type Fraction = { n: bigint, d: bigint } // d > 0
const whole = (n: bigint | number): Fraction => ({ n: BigInt(n), d: 1n })
const plus = (a: Fraction, b: Fraction): Fraction => a.d === b.d ? { n: a.n + b.n, d: a.d } : { n: a.n * b.d + b.n * a.d, d: a.d * b.d }
const times = (a: Fraction, b: Fraction): Fraction => ({ n: a.n * b.n, d: a.d * b.d })
const less = (a: Fraction, b: Fraction): boolean => a.n * b.d < b.n * a.d

function decimal(text: string | null): Fraction {
  const [integer, places = ''] = (text ?? '0').split('.')
  return { n: BigInt(integer! + places), d: 10n ** BigInt(places.length) }
}

function plain({ n, d }: Fraction): string {
  const places = d.toString().length - 1
  const digits = n.toString().padStart(places + 1, '0')
  return (digits.slice(0, digits.length - places) + (places ? '.' + digits.slice(digits.length - places) : '')).replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '')
}

/** Half away from zero. */
export function round({ n, d }: { n: bigint, d: bigint }): bigint {
  const size = n < 0n ? -n : n, down = size / d
  const result = (size - down * d) * 2n >= d ? down + 1n : down
  return n < 0n ? -result : result
}

// The calendar --------------------------------------------------------------------------------------------------------------------------------------------------
const DAY = 86_400
const daysIn = (month: number): number => {
  const year = 1970 + Math.floor(month / 12)
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month % 12]!
}
const firstDayOf: number[] = [0] // of each month since January 1970, in days since then
for (let month = 0; month < 12 * 400; month++) firstDayOf.push(firstDayOf[month]! + daysIn(month))

export function boundary(anchor: number, { interval, interval_count }: Recurrence, k: number, day_of_month?: number): number {
  if (interval === 'day') return anchor + k * interval_count * DAY
  if (interval === 'week') return anchor + k * interval_count * 7 * DAY
  const day = Math.floor(anchor / DAY)
  let month = Math.floor(day / 31)
  while (firstDayOf[month + 1]! <= day) month++
  const there = month + k * interval_count * (interval === 'year' ? 12 : 1)
  const wanted = day_of_month ?? day - firstDayOf[month]! + 1
  return (firstDayOf[there]! + Math.min(wanted, daysIn(there)) - 1) * DAY + anchor - day * DAY
}

type Span = { start: number, end: number }
type Grid = { anchor: number, day?: number }

/** The period between two neighbouring boundaries that holds the moment. */
function spanAround({ anchor, day }: Grid, recurrence: Recurrence, moment: number): Span {
  const days = { day: 1, week: 7, month: 31, year: 366 }[recurrence.interval] * recurrence.interval_count
  let k = Math.trunc((moment - anchor) / (days * DAY))
  while (boundary(anchor, recurrence, k, day) > moment) k--
  while (boundary(anchor, recurrence, k + 1, day) <= moment) k++
  return { start: boundary(anchor, recurrence, k, day), end: boundary(anchor, recurrence, k + 1, day) }
}

// The amount of a quantity --------------------------------------------------------------------------------------------------------------------------------------
export function amountOf(price: Price, quantity: string): bigint {
  const q = decimal(quantity)
  if (price.billing_scheme === 'per_unit') {
    if (!price.transform_quantity) return round(times(decimal(price.unit_amount_decimal), q))
    const pack = q.d * BigInt(price.transform_quantity.divide_by), full = q.n / pack
    return round(times(decimal(price.unit_amount_decimal), whole(price.transform_quantity.round === 'up' && full * pack < q.n ? full + 1n : full)))
  }
  let sum = whole(0), below = whole(0)
  for (const { up_to, unit_amount_decimal, flat_amount_decimal } of price.tiers!) {
    const last = up_to === null || !less(whole(up_to), q)
    if (!last && price.tiers_mode === 'volume') continue
    const top = last ? q : whole(up_to)
    sum = plus(sum, plus(times(decimal(unit_amount_decimal), plus(top, { n: -below.n, d: below.d })), decimal(flat_amount_decimal)))
    if (last) break
    below = top
  }
  return round(sum)
}

// Discounts -----------------------------------------------------------------------------------------------------------------------------------------------------
type Given = { coupon: Coupon, at: number }
type Draft = Omit<Line, 'discounts' | 'taxes'> & { product: string | null, rates: Rate[], own: Given[] }

/** Parts of `pool` in proportion to the weights: over and over a unit (at first a large one) to whoever lacks most of his due, ties to the earlier. */
export function shareOut(pool: bigint, weights: bigint[]): bigint[] {
  const sum = weights.reduce((a, b) => a + b, 0n), given = weights.map(() => 0n)
  let rest = pool
  for (let unit = 10n ** 12n; unit > 0n; unit /= 10n) {
    while (rest >= unit) {
      const lacks = weights.map((weight, i) => pool * weight - given[i]! * sum)
      const neediest = lacks.reduce((best, lack, i) => lack > lacks[best]! ? i : best, 0)
      if (unit > 1n && lacks[neediest]! < unit * sum) break
      given[neediest]! += unit
      rest -= unit
    }
  }
  return given
}

/** What each discount in force takes of each line. */
function applyDiscounts(lines: Draft[], shared: Given[], currency: string, inForce: (given: Given) => boolean): Line['discounts'][] {
  const left = lines.map(line => line.discountable ? line.amount : 0n)
  const taken: Line['discounts'][] = lines.map(() => [])
  const own = new Map(lines.flatMap(line => line.discountable ? line.own : []).map(given => [given.coupon.id, given]))
  const queue = [...[...own.values()].map(given => ({ given, all: false })), ...shared.map(given => ({ given, all: true }))]
  for (const { given, all } of queue) {
    const { coupon } = given
    if (!inForce(given)) continue
    const reached = [...lines.keys()].filter(i => left[i] !== 0n && (all || lines[i]!.own.some(one => one.coupon.id === coupon.id))
      && (!coupon.products || coupon.products.includes(lines[i]!.product ?? '')))
    const take = (i: number, amount: bigint) => {
      left[i]! -= amount
      if (amount !== 0n) taken[i]!.push({ id: coupon.id, amount })
    }
    if (coupon.percent_off !== undefined) {
      const part = times(decimal(coupon.percent_off), { n: 1n, d: 100n })
      for (const i of reached) take(i, round(times(whole(left[i]!), part)))
      continue
    }
    const amount = coupon.currency === currency ? coupon.amount_off! : coupon.currency_options?.[currency]
    const positive = reached.filter(i => left[i]! > 0n)
    if (amount === undefined || positive.length === 0) continue
    const weights = positive.map(i => left[i]!), sum = weights.reduce((a, b) => a + b)
    shareOut(amount < sum ? amount : sum, weights).forEach((share, at) => take(positive[at]!, share))
  }
  return taken
}

// The life ------------------------------------------------------------------------------------------------------------------------------------------------------
/** An item with the moment from which its present life counts, and its discounts with the moment at which they were given. */
type Living = Omit<Item, 'discounts'> & { since: number, own: Given[] }
type Stage = Grid & { items: Living[], ending: boolean }
type Entry = Draft & { of: 'subscription' | 'customer', net: bigint, on: Invoice | null }

const sameRecurrence = (a: Recurrence, b: Recurrence): boolean => a.interval === b.interval && a.interval_count === b.interval_count
const ratesOf = (history: History, rates: Rate[]): Rate[] => rates.length > 0 ? rates : history.default_tax_rates

/** The taxes of an amount at the rates, one rounding for each. */
function taxes(history: History, amount: bigint, rates: Rate[]) {
  const inclusive = rates.filter(rate => rate.inclusive).reduce((sum, rate) => plus(sum, decimal(rate.percentage)), whole(100))
  return rates.map(rate => {
    const p = decimal(rate.percentage), base = rate.inclusive ? inclusive : whole(100)
    return { id: rate.id, inclusive: rate.inclusive, amount: history.tax_exempt === 'none' ? round(times(times(whole(amount), p), { n: base.d, d: base.n })) : 0n }
  })
}

export function recompute(history: History): Outcome {
  const invoices: Invoice[] = [], journal: Entry[] = []
  const given = (coupons: Coupon[], at: number): Given[] => coupons.map(coupon => ({ coupon, at }))
  const shared = given(history.discounts, history.start)
  const origin = history.backdate ?? history.start
  let ended: number | null = null
  let stage: Stage = {
    anchor: history.trial_end ?? history.anchor ?? origin, day: history.anchor_day_of_month, ending: false,
    items: history.items.map(item => ({ ...item, since: origin, own: given(item.discounts, history.start) })),
  }

  const trialing = (at: number) => history.trial_end !== undefined && at < history.trial_end
  const inForce = ({ coupon, at: since }: Given, at: number) =>
    coupon.duration === 'forever' ? true
    : coupon.duration === 'repeating' ? since <= at && at < boundary(since, { interval: 'month', interval_count: 1 }, coupon.duration_in_months!)
    : !invoices.some(invoice => invoice.lines.some(line => line.discounts.some(one => one.id === coupon.id)))

  /** The item's period at the moment, and the full one that it is (a part of). */
  function periodOf(item: Living, at: number, on: Grid = stage): Span & { full: Span } {
    if (trialing(at)) return { start: item.since, end: history.trial_end!, full: { start: item.since, end: history.trial_end! } }
    const full = spanAround(on, item.price.recurrence, at)
    return { start: Math.max(full.start, item.since), end: full.end, full }
  }

  function draft(item: Living, kind: LineKind, amount: bigint, { start, end }: Span, quantity: string, proration = false, discountable = true): Draft {
    return { key: item.key, kind, amount, period: { start, end }, quantity, proration, discountable, product: item.price.product, rates: ratesOf(history, item.tax_rates), own: item.own }
  }

  /** The usage of an item in a span; where there is none to bill, nothing, or a line of nothing at the end of a period. */
  function usage(item: Living, { start, end }: Span, nothing = false): Draft[] {
    if (item.price.usage_type !== 'metered' || start === end || trialing(start)) return []
    const within = history.usage.filter(use => use.key === item.key && start <= use.at && use.at < end)
    const quantity = plain(within.reduce((sum, use) => plus(sum, decimal(use.value)), whole(0)))
    const amount = amountOf(item.price, quantity)
    return quantity === '0' && amount === 0n && !nothing ? [] : [draft(item, 'metered', amount, { start, end }, quantity)]
  }

  const wholePeriod = (item: Living, span: Span): Draft => draft(item, 'licensed', amountOf(item.price, String(item.quantity)), span, String(item.quantity))
  const partOf = (amount: bigint, part: Span, full: Span): bigint => round({ n: amount * BigInt(part.end - part.start), d: BigInt(full.end - full.start) })
  const wait = (line: Draft, of: Entry['of'] = 'subscription') => journal.push({ ...line, of, net: line.amount, on: null })

  /** A credit or debit of 0 stays in the books alone. */
  const waits = (entry: Entry): boolean => entry.on === null && (entry.amount !== 0n || (entry.kind !== 'credit' && entry.kind !== 'debit'))

  function makeInvoice(at: number, reason: Reason, take: Entry['of'][], drafts: Draft[]) {
    const waiting = journal.filter(entry => waits(entry) && take.includes(entry.of))
    const entries = [...waiting, ...drafts.map((line): Entry => ({ ...line, of: 'subscription', net: 0n, on: null }))]
    if (entries.length === 0) return
    journal.push(...entries.slice(waiting.length))
    const taken = applyDiscounts(entries, shared, history.currency, one => inForce(one, at))
    const invoice: Invoice = { at, reason, lines: [], subtotal: 0n, total: 0n, total_excluding_tax: 0n, subtotal_excluding_tax: 0n }
    for (const [i, entry] of entries.entries()) {
      const discount = taken[i]!.reduce((sum, one) => sum + one.amount, 0n)
      entry.net = entry.amount - discount
      entry.on = invoice
      const line = { ...shown(entry), discounts: taken[i]!, taxes: taxes(history, entry.net, entry.rates) }
      const sum = (list: Line['taxes'], inclusive: boolean) => list.reduce((a, tax) => tax.inclusive === inclusive ? a + tax.amount : a, 0n)
      invoice.lines.push(line)
      invoice.subtotal += line.amount
      invoice.subtotal_excluding_tax += line.amount - sum(taxes(history, line.amount, entry.rates), true)
      invoice.total += entry.net + sum(line.taxes, false)
      invoice.total_excluding_tax += entry.net - sum(line.taxes, true)
    }
    invoices.push(invoice)
  }

  const shown = ({ key, kind, amount, period, quantity, proration, discountable }: Entry): Line =>
    ({ key, kind, amount, period, quantity, proration, discountable, discounts: [], taxes: [] })

  /** The books say what the item was last charged; it is open when nothing was given back since and its span is not over. */
  function credit(item: Living, at: number) {
    const last = journal.findLast(entry => entry.key === item.key && (entry.kind === 'licensed' || entry.kind === 'debit' || entry.kind === 'credit'))
    if (!last || last.kind === 'credit' || last.period.end <= at) return
    const unused = { start: at, end: last.period.end }, back = -partOf(last.net, unused, last.period)
    wait({ ...last, kind: 'credit', amount: back, period: unused, proration: true, discountable: false, own: [] })
  }

  function debit(item: Living, at: number) {
    const { end, full } = periodOf(item, at)
    const peers = stage.items.filter(one => one.price.usage_type === 'licensed' && sameRecurrence(one.price.recurrence, item.price.recurrence))
    const fullBill = applyDiscounts(peers.map(one => wholePeriod(one, full)), shared, history.currency, one => one.coupon.duration !== 'once' && inForce(one, at))
    const part = { start: at, end }, shares = fullBill[peers.indexOf(item)]!
    const net = shares.reduce((left, share) => left - partOf(share.amount, part, full), partOf(amountOf(item.price, String(item.quantity)), part, full))
    wait({ ...draft(item, 'debit', net > 0n ? net : 0n, part, String(item.quantity), true, false), own: [] })
  }

  function create() {
    const drafts = stage.items.filter(item => item.price.usage_type === 'licensed').flatMap(item => {
      const now = periodOf(item, history.start)
      if (trialing(history.start)) return [{ ...wholePeriod(item, now), amount: 0n }]
      const current = wholePeriod(item, now), past: Draft = { ...current, amount: 0n, period: { start: origin, end: now.start }, proration: true }
      for (let one = periodOf(item, origin); one.end <= now.start; one = periodOf(item, one.end)) past.amount += partOf(current.amount, one, one.full)
      const partial = now.start > now.full.start
      const first = { ...current, amount: partOf(current.amount, now, now.full), proration: partial }
      return history.proration_behavior === 'none' ? partial ? [] : [first] : now.start > origin ? [past, first] : [first]
    })
    makeInvoice(history.start, 'subscription_create', [], drafts)
  }

  function renew(at: number) {
    const due = stage.items.filter(item => stage.ending || periodOf(item, at - 1).end === at)
    const drafts = due.flatMap(item => item.price.usage_type === 'metered' ? usage(item, { start: periodOf(item, at - 1).start, end: at }, true)
      : stage.ending ? [] : [wholePeriod(item, periodOf(item, at))])
    makeInvoice(at, stage.ending ? 'subscription_cancel' : 'subscription_cycle', ['subscription', 'customer'], drafts)
    if (stage.ending) ended = at
  }

  /** The items after a change; a metered one with a new price begins anew, its old usage being billed. */
  function changed(before: Living[], changes: ItemChange[], at: number, split: boolean): Living[] {
    const kept = before.flatMap(item => {
      const change = changes.find(one => one.key === item.key)
      if (change?.remove) return []
      if (!change || !isChange(item, change)) return [item]
      const anew = split && item.price.usage_type === 'metered'
      return [{ ...item, quantity: change.quantity ?? item.quantity, price: change.price ?? item.price, since: anew ? at : item.since }]
    })
    return [...kept, ...changes.flatMap(({ add }) => add ? [{ ...add, since: at, own: given(add.discounts, at) }] : [])]
  }
  const isChange = (item: Living, change: ItemChange) =>
    Boolean(change.remove) || (change.quantity ?? item.quantity) !== item.quantity || (change.price?.id ?? item.price.id) !== item.price.id

  function change(action: Extract<Action, { proration_behavior: ProrationBehavior }>) {
    const { at, proration_behavior: behavior } = action, changes = action.kind === 'change' ? action.changes : []
    const old = stage, before = old.items, bills = behavior !== 'none' && !trialing(at)
    const find = (items: Living[], key: string) => items.find(item => item.key === key)
    const restart = !trialing(at) && (action.kind === 'anchor_now' || changes.some(one => one.price && !sameRecurrence(one.price.recurrence, find(before, one.key)!.price.recurrence)))
    const used = (item: Living) => usage(item, { start: periodOf(item, at, old).start, end: at })
    stage = { ...stage, items: changed(before, changes, at, bills) }
    if (restart) {
      stage = { anchor: at, ending: stage.ending, items: stage.items.map(item => ({ ...item, since: at })) }
      for (const item of before) {
        if (item.price.usage_type === 'licensed' && bills) credit(item, at)
        if (!find(stage.items, item.key)) used(item).forEach(line => wait(line))
      }
      return makeInvoice(at, 'subscription_update', ['subscription'], stage.items.flatMap(item => {
        const earlier = find(before, item.key)
        return item.price.usage_type === 'licensed' ? [wholePeriod(item, periodOf(item, at))] : earlier ? used(earlier) : []
      }))
    }
    if (bills) for (const one of changes) {
      const earlier = find(before, one.key), later = find(stage.items, one.key)
      if (earlier && !isChange(earlier, one)) continue
      if (earlier?.price.usage_type === 'licensed') credit(earlier, at)
      if (earlier?.price.usage_type === 'metered') used(earlier).forEach(line => wait(line))
      if (later?.price.usage_type === 'licensed') debit(later, at)
    }
    if (behavior === 'always_invoice') makeInvoice(at, 'subscription_update', ['subscription'], [])
  }

  function cancelNow(at: number, prorate: boolean, invoice_now: boolean) {
    if (!prorate && !invoice_now) for (const entry of journal.filter(entry => waits(entry) && entry.of === 'subscription' && entry.proration)) journal.splice(journal.indexOf(entry), 1)
    if (prorate) for (const item of stage.items) if (item.price.usage_type === 'licensed') credit(item, at)
    if (invoice_now) makeInvoice(at, 'subscription_cancel', ['subscription'], stage.items.flatMap(item => usage(item, { start: periodOf(item, at).start, end: at })))
    ended = at
  }

  create()
  const requests = [
    ...history.pending.map(item => ({ at: item.at, run: () => wait({
      key: item.key, kind: 'pending', amount: item.amount, period: { start: item.at, end: item.at }, quantity: '1', proration: false, discountable: item.discountable, product: item.product,
      rates: ratesOf(history, item.tax_rates), own: given(item.discounts, item.at),
    }, item.of) })),
    ...history.actions.map(action => ({ at: action.at, run: () => {
      if (ended !== null) return
      if (action.kind === 'change' || action.kind === 'anchor_now') change(action)
      else if (action.kind === 'cancel_now') cancelNow(action.at, action.prorate, action.invoice_now)
      else stage = { ...stage, ending: true }
    } })),
  ].sort((a, b) => a.at - b.at)
  for (let now = history.start; ;) {
    const due = ended === null ? Math.min(...stage.items.map(item => periodOf(item, now).end)) : Infinity
    const request = requests[0]?.at ?? Infinity
    const next = Math.min(due, request)
    if (next > history.until) break
    if (due <= request) renew(due)
    else requests.shift()!.run()
    now = Math.max(now, next)
  }
  return { invoices, pending: journal.filter(waits).map(shown), ended_at: ended }
}

// Random lives --------------------------------------------------------------------------------------------------------------------------------------------------
const R = (interval: Recurrence['interval'], interval_count = 1): Recurrence => ({ interval, interval_count })
const families = [[R('month')], [R('month')], [R('month', 3)], [R('year')], [R('week')], [R('week', 2)], [R('day')], [R('day', 10)], [R('month', 2)], [R('month', 6)],
  [R('month'), R('year')], [R('month'), R('month', 3)], [R('month', 3), R('year')], [R('week'), R('month')], [R('day', 3), R('week')], [R('week'), R('week', 2)]]
const startDays = ['2023-12-31', '2024-01-31', '2024-02-29', '2024-01-30', '2025-02-28', '2023-08-31', '2024-04-30', '2024-11-29', '2025-01-01', '2024-06-15', '2023-03-26']

/** One life for each seed, always the same; small, with every rule of the book somewhere among some hundreds of them. */
export function randomHistory(seed: number): History {
  let state = Math.imul(seed + 1, 0x9e3779b1) >>> 0, ids = 0
  const random = () => { // mulberry32
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (low: number, high: number) => low + Math.floor(random() * (high - low + 1)), chance = (p: number) => random() < p
  const pick = <T>(list: readonly T[]): T => list[int(0, list.length - 1)]!
  const some = <T>(most: number, make: () => T): T[] => Array.from({ length: int(0, most) }, make)
  const id = (prefix: string) => `${prefix}_${++ids}`

  const currency = pick(['usd', 'usd', 'eur', 'jpy']), family = pick(families)
  const money = () => chance(0.6) ? String(int(0, 6000)) : `${int(0, 900)}.${[0, ...some(1, () => 0)].map(() => String(int(0, 999_999)).padStart(6, '0')).join('')}`
  const product = () => pick(['prod_a', 'prod_b', 'prod_c'])
  const price = (usage_type: Price['usage_type'], recurrence = pick(family)): Price => {
    const way = pick(['per_unit', 'per_unit', 'transform', 'volume', 'graduated'] as const)
    const tiers_mode = way === 'volume' || way === 'graduated' ? way : null
    const ups = [...new Set(some(2, () => int(1, 25)))].sort((a, b) => a - b)
    const tiers = [...ups, null].map(up_to => ({ up_to, unit_amount_decimal: chance(0.8) ? money() : null, flat_amount_decimal: chance(0.4) ? money() : null }))
    return {
      id: id('price'), product: product(), currency, recurrence, usage_type, billing_scheme: tiers_mode ? 'tiered' : 'per_unit', unit_amount_decimal: tiers_mode ? null : money(),
      tiers: tiers_mode && tiers, tiers_mode, transform_quantity: way === 'transform' ? { divide_by: int(2, 9), round: pick(['up', 'down']) } : null,
    }
  }
  const rate = (): Rate => ({ id: id('txr'), percentage: pick(['19', '7', '8.25', '20', '5.5', '0.125']), inclusive: chance(0.4) })
  const coupon = (): Coupon => ({
    id: id('di'), ...chance(0.5) ? { percent_off: pick(['10', '25', '33.33', '50', '100', '12.5', '0.5']) } : chance(0.9) ? { amount_off: BigInt(int(1, 4000)), currency }
      : { amount_off: 77n, currency: 'chf', ...chance(0.5) ? { currency_options: { [currency]: BigInt(int(1, 900)) } } : {} },
    ...chance(0.3) ? { duration: 'repeating', duration_in_months: int(1, 4) } : { duration: pick(['once', 'forever']) }, ...chance(0.25) ? { products: [...new Set([product(), product()])] } : {},
  })
  const discounts = () => chance(0.35) ? some(2, coupon) : []
  const item = (metered = chance(0.3)): Item =>
    ({ key: id('item'), price: price(metered ? 'metered' : 'licensed'), quantity: metered ? 0 : int(0, 12), tax_rates: chance(0.3) ? some(2, rate) : [], discounts: discounts() })

  const start = Date.parse(pick(startDays)) / 1000 + (chance(0.4) ? 0 : int(0, DAY - 1))
  const after = (k: number, from = start) => Math.min(...family.map(recurrence => boundary(from, recurrence, k)))
  const history: History = {
    seed, currency, tax_exempt: pick(['none', 'none', 'none', 'none', 'exempt', 'reverse']), start, proration_behavior: chance(0.75) ? 'create_prorations' : 'none',
    items: [item(false), ...some(3, item)], discounts: discounts(), default_tax_rates: chance(0.5) ? some(2, rate) : [], usage: [], pending: [], actions: [], until: after(int(1, 13)) + int(0, 2 * DAY),
  }
  if (chance(0.5)) history.items.reverse()
  const monthly = family.every(({ interval }) => interval === 'month' || interval === 'year')
  const shape = pick(['plain', 'plain', 'plain', 'plain', 'trial', 'anchor', 'backdate', 'backdated anchor', monthly ? 'anchor day' : 'anchor'])
  if (shape === 'trial') history.until = Math.max(history.until, after(int(0, 3), history.trial_end = start + (chance(0.5) ? int(1, 30) * DAY : int(1, 45 * DAY))) + DAY)
  if (shape.startsWith('back')) history.backdate = chance(0.5) ? after(-int(1, 4)) : start - int(1, start - after(-3))
  if (shape.endsWith('anchor')) {
    history.anchor = start + int(1, after(1) - start)
    while (family.some(recurrence => boundary(history.anchor!, recurrence, -1) > start)) history.anchor = start + Math.ceil((history.anchor - start) / 2)
  }
  if (shape === 'anchor day') { // the next moment with that day of the month and the start's time of day, the start itself included
    const first = spanAround({ anchor: start % DAY }, R('month'), start).start
    history.anchor_day_of_month = pick([1, 15, 29, 30, 31, 31])
    history.anchor = [0, 1].map(k => boundary(first, R('month'), k, history.anchor_day_of_month)).find(moment => moment >= start)!
  }

  const { until, actions } = history
  let items = history.items.map(({ key, price, quantity }) => ({ key, price, quantity }))
  const onBoundary = () => Math.max(start, spanAround({ anchor: history.trial_end ?? history.anchor ?? history.backdate ?? start }, pick(items).price.recurrence, int(start, until)).start)
  const moments = some(7, () => chance(0.15) ? onBoundary() : int(start, until)).sort((a, b) => a - b)
  for (const [i, earlier] of moments.slice(0, -1).entries()) if (chance(0.2)) moments[i + 1] = earlier
  moments.sort((a, b) => a - b)
  for (const at of moments) {
    if (actions.length > 6) break
    const proration_behavior = pick(['create_prorations', 'create_prorations', 'always_invoice', 'none'] as const), changes: ItemChange[] = [], reversal: ItemChange[] = []
    const free = history.trial_end === undefined || at >= history.trial_end
    if (free && chance(0.06)) { actions.push({ at, kind: 'anchor_now', proration_behavior }); continue }
    const one = pick(items) // may change to a recurrence of which few periods are left
    const other = free && chance(0.06) ? pick([R('week'), R('month'), R('month', 3), R('year')].filter(to => boundary(at, to, 14) > until && !sameRecurrence(to, one.price.recurrence))) : undefined
    if (other) changes.push({ key: one.key, price: one.price = price(one.price.usage_type, other) })
    else for (const one of items.filter(() => chance(0.5))) {
      const { key, quantity, price: { usage_type, recurrence } } = one, way = random()
      if (way < 0.12 && items.length > 1) {
        changes.push({ key, remove: true })
        items = items.filter(item => item !== one)
      } else if (way < 0.4 || usage_type === 'metered') {
        changes.push({ key, price: one.price = price(usage_type, recurrence), ...usage_type === 'licensed' && chance(0.3) ? { quantity: one.quantity = int(0, 12) } : {} })
      } else {
        changes.push({ key, quantity: one.quantity = (quantity + int(1, 12)) % 13 })
        reversal.push({ key, quantity })
      }
    }
    if (items.length < 4 && chance(0.2)) {
      const add = item()
      changes.push({ key: add.key, add })
      items.push({ ...add })
    }
    if (changes.length > 0) actions.push({ at, kind: 'change', changes, proration_behavior })
    if (reversal.length > 0 && actions.length < 7 && chance(0.2)) {
      actions.push({ at, kind: 'change', changes: reversal, proration_behavior })
      items = items.map(item => ({ ...item, ...reversal.find(one => one.key === item.key) }))
    }
  }
  const last = Math.max(actions.at(-1)?.at ?? start, chance(0.1) ? onBoundary() : int(start, until))
  if (chance(0.2)) actions.push({ at: last, kind: 'cancel_now', prorate: chance(0.5), invoice_now: chance(0.5) })
  else if (chance(0.2)) actions.push({ at: last, kind: 'cancel_at_period_end' })

  const everyItem = [...history.items, ...actions.flatMap(action => action.kind === 'change' ? action.changes.flatMap(one => one.add ?? []) : [])]
  history.usage = everyItem.filter(one => one.price.usage_type === 'metered').flatMap(({ key }) => some(10, () =>
    ({ key, at: chance(0.15) ? onBoundary() : int(start, until), value: chance(0.6) ? String(int(1, 30)) : pick(['0.5', '2.75', '0.001', '12.000000000001']) })))
  if (chance(0.4)) history.pending = some(3, () => ({
    key: id('ii'), at: int(start + 1, until), of: pick(['subscription', 'customer']), amount: BigInt(int(-2000, 5000)), discountable: chance(0.6), product: chance(0.5) ? product() : null,
    tax_rates: chance(0.3) ? [rate()] : [], discounts: chance(0.2) ? [coupon()] : [],
  }))
  return history
}
