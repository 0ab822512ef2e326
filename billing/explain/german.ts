/** Explanations in German. */
import { percentText } from './exact.ts';
import type { Counted, PriceTier, Scheme, Usage } from './explanation.ts';
import { calendarOf, countsOf, isPreview, quotient, type Language, type Say } from './language.ts';

const MONTHS = ['Januar', 'Februar', 'März', 'April', 'Mai', 'Juni', 'Juli', 'August', 'September', 'Oktober', 'November', 'Dezember'];

function moment(at: number): string {
  const { day, month, year, time } = calendarOf(at);
  return `${day}. ${MONTHS[month - 1]} ${year} ${time} UTC`;
}

/** An invoice by its number. A preview has none. */
const named = (number: string | null, id: string): string => number ?? (isPreview(id) ? 'der Vorschau' : id);

const UNITS = { second: 'Sekunden', day: 'Tagen' };

function length(counted: Counted): string {
  const { part, whole } = countsOf(counted);
  return `${part} von ${whole} ${UNITS[counted.unit]}`;
}

const span = ({ start, end }: { start: number; end: number }): string => `vom ${moment(start)} bis ausschließlich ${moment(end)}`;

function tier({ quantity, unit_amount_decimal: unit, flat_amount_decimal: flat, tier: n, from, up_to }: PriceTier, say: Say): string {
  const bounds = n === null ? '' : up_to === null ? (from === 0 ? '' : ` (über ${from})`) : from === 0 ? ` (bis ${up_to})` : ` (über ${from}, bis ${up_to})`;
  return `${quantity} × ${say.unit(unit)}${bounds}${flat === '0' ? '' : ` + ${say.unit(flat)} pauschal`}`;
}

/** Nach welcher Art eine Menge ihren Preis hat, mit ihren Stufen. */
function scheme({ scheme: by, quantity, tiers, divide_by, round }: Scheme, say: Say): string {
  const sum = tiers.map((each) => tier(each, say)).join(' + ');
  if (by === 'package') return `${quantity} in Paketen zu ${divide_by}, ${round === 'up' ? 'angefangene zählen ganz' : 'nur volle zählen'}: ${sum}`;
  return by === 'volume' ? `Die ganze Menge hat den Preis ihrer Stufe: ${sum}` : by === 'graduated' ? `Jede Stufe hat für ihren Teil ihren Preis: ${sum}` : sum;
}

function counted({ formula, window, events }: Usage): string {
  const many = `${events} ${events === 1 ? 'Ereignis' : 'Ereignissen'}`;
  const last = window === null ? '' : `, von denen das letzte ${window === 'day' ? 'jedes Tages' : 'jeder Stunde'} zählt`;
  return {
    sum: `die Summe aus ${many}${last}`, count: `die Zahl der Ereignisse${last}`, last: `der letzte Wert aus ${many}`, max: `der größte Wert aus ${many}${last}`, unique_count: `die verschiedenen Werte aus ${many}`,
    latest: 'der letzte Wert bis zum Ende des Zeitraums', weighted_by_time: 'jeder Stand mal die Stunden, die er galt',
  }[formula];
}

const MISSING = { price: 'ihr Preis hat in dieser Währung keinen Betrag mehr', usage: 'ihr Verbrauch ist nicht bekannt', debit: 'die Belastung, die sie gutschreibt, ist nicht bekannt', period: 'ihr Zeitraum passt nicht zum Preis', corrected: 'die Position, die sie berichtigt, ist nicht bekannt' };

const FIELDS: Record<string, string> = {
  amount: 'Betrag', quantity: 'Menge', discount_amounts: 'Rabatt', taxes: 'Steuer', subtotal: 'Zwischensumme', subtotal_excluding_tax: 'Zwischensumme ohne Steuern', discounts: 'Summe der Rabatte', credits: 'Summe des Guthabens', exclusive_taxes: 'Summe der Steuern',
  total: 'Gesamtbetrag', total_excluding_tax: 'Gesamtbetrag ohne Steuern', balance: 'Kontostand danach', credit_notes: 'Summe der Gutschriften', amount_due: 'fälligen Betrag', amount_paid: 'bezahlten Betrag', amount_remaining: 'offenen Betrag',
};

export const german: Language = {
  moment,
  rounded_to: 'gerundet',
  verdict: ({ agrees }) => (agrees ? 'Jeder Betrag wurde neu berechnet und stimmt.' : 'ACHTUNG: Was hier steht, ist nicht das, was sich aus den Tatsachen ergibt.'),
  line: ({ description, amount, period }, say) => `${description ?? 'Eine Position'}, ${period.start === period.end ? `am ${moment(period.start)}` : span(period)}: ${say.money(amount)}.`,
  step: {
    quantity: ({ quantity, source, history }) =>
      ({
        licensed: `Die Menge ist ${quantity}, wie im Abonnement vereinbart${history.length < 2 ? '' : `: ${history.map((each) => `${each.quantity} ab ${moment(each.since)}`).join(', ')}`}.`,
        given: `Die Menge ist ${quantity}, wie angegeben.`,
        billed: `Die berechnete Menge war ${quantity}.`,
      })[source],
    usage: ({ quantity, usage, period }) =>
      `Der Zähler „${usage.meter_name}“ hat ${span(period)} ${usage.counted} gezählt: ${counted(usage)}` +
      (usage.first === null ? '.' : `, das erste am ${moment(usage.first)}, das letzte am ${moment(usage.last!)}.`) +
      (usage.without_events === undefined ? '' : ` Die Ereignisse selbst sind nicht mehr aufbewahrt: ${usage.without_events === 'by_hour' ? 'gezählt ist, was sie je Stunde ergaben' : 'das ist, was berechnet wurde'}.`) +
      (quantity === usage.counted ? '' : ` Weniger als nichts wird als ${quantity} berechnet.`),
    allowance: ({ quantity, allowance: { included, quantity: each, per, seats, seconds, of_seconds } }) =>
      `Enthalten sind ${each} ${per === 'seat' ? `für jeden von ${seats} Plätzen` : 'in jedem Zeitraum'}${seconds === of_seconds ? '' : `, wovon der Teil von ${seconds} von ${of_seconds} Sekunden zählt`}, also ${included}: ${quantity} werden berechnet.`,
    billed_before: ({ billed, billed_quantity, amount, left }, say) =>
      left === null
        ? `Davon wurden ${say.money(billed)} für ${billed_quantity} Einheiten schon berechnet: ${say.money(amount!)} bleiben.`
        : `${say.money(billed)} für ${billed_quantity} Einheiten wurden schon berechnet. Gutschriften, oder eine Rechnung, die storniert oder ausgebucht wurde, haben davon ${say.money(left)} gelassen, und mehr wird nicht zurückgegeben: ${say.money(amount!)}.`,
    held: ({ comes_to, largest, amount }, say) => `Zu seinem Preis ergibt das ${say.money(BigInt(comes_to))}, mehr als die ${say.money(largest)}, die eine Position höchstens betragen kann: Es wird zurückgehalten, und ${say.money(amount!)} werden berechnet, bis der Verbrauch berichtigt ist.`,
    commitment: ({ commitment, used, elsewhere, amount }, say) =>
      `Vereinbart waren mindestens ${say.money(commitment)} Verbrauch, und er ergab ${say.money(used)}${elsewhere !== 0n ? `, wovon ${say.money(elsewhere)} auf anderen Rechnungen stehen` : ''}: ${say.money(amount!)} ${amount === 0n ? 'werden' : 'mehr werden'} berechnet.`,
    price: (step, say) => `${scheme(step, say)} = ${say.rounded(step.exact, step.amount!)}.`,
    group: (step, say) => `${step.dimensions === null ? 'Vom Rest' : `Von „${step.name}“`} ${step.used === '1' ? 'wurde' : 'wurden'} ${step.used} verbraucht${step.used === step.quantity ? '' : `, davon ${step.quantity === '1' ? 'wird' : 'werden'} ${step.quantity} berechnet`}. ${scheme(step, say)} = ${say.exact(step.exact!)}.`,
    groups: ({ exact, amount }, say) => `Zusammen ergibt das ${say.rounded(exact, amount!)}.`,
    given: ({ amount }, say) => `Der Betrag von ${say.money(amount!)} wurde so angegeben.`,
    trial: ({ period, amount }, say) => `Die Probezeit ${span(period)} ist kostenlos: ${say.money(amount!)}.`,
    sum: ({ parts, amount }, say) => `${parts.length} Zeiträume zusammen: ${say.sum(parts.map((part) => part.amount))} = ${say.money(amount!)}.`,
    part_of_period: ({ of, unit, seconds, of_seconds, period, full_period, exact, amount }, say) =>
      seconds === of_seconds
        ? `Der ganze Zeitraum ${span(full_period)} wird berechnet: ${say.money(amount!)}.`
        : `Vom ganzen Zeitraum ${span(full_period)} wird die Zeit ab ${moment(period.start)} berechnet, ${length({ unit, seconds, of_seconds })}: ${say.money(of)} × ${quotient({ unit, seconds, of_seconds })} = ${say.rounded(exact, amount!)}.`,
    net: ({ parts, amount }, say) => `Das ergibt ${say.sum(parts.map((part) => part.amount))} = ${say.money(amount!)}.`,
    discount_in_proration: ({ coupon, coupon_name, percent_off, recomputed, unit, seconds, of_seconds, exact, amount }, say) =>
      recomputed
        ? `Der Gutschein „${coupon_name ?? coupon}“ nimmt ${percentText(percent_off!)} % eines ganzen Zeitraums, von dem hier ${length({ unit, seconds, of_seconds })} zählen: ${say.rounded(exact, amount!)}.`
        : `Der Gutschein „${coupon_name ?? coupon ?? 'unbekannt'}“ nimmt den Teil, der bei der Änderung festgehalten wurde, ${say.money(amount!)}: seinen Anteil an allen Posten, wie sie damals waren, für ${length({ unit, seconds, of_seconds })}.`,
    credit: ({ debit, unit, seconds, of_seconds, from, of, before_discounts, exact, amount }, say) =>
      `${debit.invoice === null ? `Der Posten ${debit.invoice_item}` : `Die Rechnung ${debit.invoice_number ?? debit.invoice}`} hat ${before_discounts ? 'vor' : 'nach'} Rabatten ${say.money(of)} ${span(debit)} berechnet. ` +
      `Was ab ${moment(from)} nicht genutzt wurde, wird gutgeschrieben, ${length({ unit, seconds, of_seconds })}: ${say.money(-of)} × ${quotient({ unit, seconds, of_seconds })} = ${say.rounded(exact, amount!)}.`,
    credited_discount: ({ coupon, coupon_name, discount, took, of, shared, exact, amount }, say) =>
      `Der Gutschein „${coupon_name ?? coupon ?? discount}“ nahm ${say.money(took)} von den ${say.money(of)}, die Rabatte davon abzogen. ` +
      `Nach Rabatten wird ${say.money(shared)} weniger gutgeschrieben als vor ihnen, wovon restlos verteilt ${exact === null ? '' : `${say.exact(exact)}, also `}${say.money(amount!)} auf ihn entfallen.`,
    discount({ coupon, coupon_name, order, scope, percent_off, of, exact, amount, amount_off, shared, over, lines }, say) {
      const head = `Rabatt ${order} ist vom Gutschein „${coupon_name ?? coupon}“, ${scope === 'line' ? 'für diese Position' : 'für die ganze Rechnung'}`;
      if (percent_off !== null) return `${head}: ${percent_off} % von ${say.money(of)} = ${say.rounded(exact, amount!)}.`;
      if (lines === 1) return `${head}: ${say.money(amount_off!)}, wovon ${say.money(-amount!)} von ${say.money(of)} abgezogen werden können.`;
      return `${head}: Von ${say.money(amount_off!)} werden ${say.money(shared!)} auf ${lines} Positionen von zusammen ${say.money(over!)} nach ihrem Anteil restlos verteilt; auf ${say.money(of)} entfallen ${exact === null ? '' : `${say.exact(exact)}, also `}${say.money(amount!)}.`;
    },
    credit_grant: ({ name, credit_grant, amount }, say) => `Das Guthaben „${name ?? credit_grant}“ gibt vor Steuern ${say.money(amount!)}.`,
    tax({ name, percentage, inclusive, all_inclusive, of, exact, amount, reason }, say) {
      if (reason === 'customer_exempt') return `${name} ${percentage} % wird nicht erhoben: Der Kunde ist von Steuern befreit.`;
      if (reason === 'reverse_charge') return `${name} ${percentage} % wird nicht erhoben: Der Kunde schuldet sie selbst (Reverse-Charge-Verfahren).`;
      if (inclusive) return `${name} ${percentage} % ist in ${say.money(of)} enthalten: ${say.money(of)} × ${percentage} ÷ ${all_inclusive} = ${say.rounded(exact, amount!)}.`;
      return `${name} ${percentage} % kommt auf ${say.money(of)} dazu: ${say.rounded(exact, amount!)}.`;
    },
    correction({ corrected, before, after, parts, amount, kept, billed }, say) {
      const line = `Die Position „${corrected.description}“ der Rechnung ${corrected.invoice_number}`;
      if (before === null && after === null) return `${line} hat einen anderen Teil eines Rabatts, da eine andere Position berichtigt wurde.`;
      const now = billed ?? kept.after ?? parts[0]!.amount!;
      const was = now - amount!;
      const change = billed !== null ? `Die Rechnung ${corrected.invoice_number} wurde storniert, so dass ihre Berichtigung zurückgenommen wird` : before === null ? `${line} glich ${say.money(was)} aus, bevor der Verbrauch berichtigt wurde` : `Die Rechnung ${corrected.invoice_number} berechnete ${before}, wo es nun ${after} sind`;
      const counted = kept.before === null ? '' : `. Sie zählte zuvor ${say.money(kept.before)}, da Gutschriften das zurückgaben`;
      const limit = kept.after === null ? '' : `. Gutschriften gaben davon ${say.money(kept.after)} zurück, so dass sie nur bis auf ${say.money(kept.after)} berichtigt wird`;
      return `${change}${counted}${limit}: ${say.sum([now, -was])} = ${say.money(amount!)}.`;
    },
    corrected: ({ of, corrected, amount }, say) => `${of === 'discount' ? 'Der Rabatt' : 'Die Steuer'} der Rechnung ${corrected.invoice_number} ändert sich mit: ${say.signed(amount!)}.`,
    unknown: ({ missing }) => `Der Betrag lässt sich nicht neu berechnen: ${MISSING[missing]}.`,
  },
  total: {
    subtotal: ({ amount }, say) => `Die Positionen ergeben die Zwischensumme ${say.money(amount)}.`,
    subtotal_excluding_tax: ({ amount, from }, say) => `Ohne die darin enthaltenen Steuern von ${say.money(from['inclusive_taxes']!)} sind es ${say.money(amount)}.`,
    discounts: ({ amount }, say) => `Rabatte ziehen ${say.money(amount)} ab.`,
    credits: ({ amount }, say) => `Guthaben zieht ${say.money(amount)} ab.`,
    exclusive_taxes: ({ amount }, say) => `Steuern kommen mit ${say.money(amount)} dazu.`,
    total({ amount, from }, say) {
      const parts = [from['subtotal']!, -from['discounts']!, -from['credits']!, from['exclusive_taxes']!].filter((each, n) => n === 0 || each !== 0n);
      return `Der Gesamtbetrag ist ${parts.length === 1 ? '' : `${say.sum(parts)} = `}${say.money(amount)}.`;
    },
    total_excluding_tax: ({ amount }, say) => `Ganz ohne Steuern ist er ${say.money(amount)}.`,
    balance({ from }, say) {
      const { starting_balance: start, ending_balance: end } = from;
      return `Der Kontostand des Kunden war vor dieser Rechnung ${say.money(start!)} und ist danach ${say.money(end!)} (negativ: Der Kunde hat Guthaben).`;
    },
    credit_notes: ({ from }, say) => `Gutschriften haben vor der Zahlung ${say.money(from['before_payment']!)} abgezogen und danach ${say.money(from['after_payment']!)} zurückgegeben.`,
    amount_due({ amount, from }, say) {
      const { balance, credit_notes: credited } = from;
      if (balance === 0n && credited === 0n) return `Fällig sind ${say.money(amount)}.`;
      const parts = [...(balance === 0n ? [] : [`der Kontostand ${say.money(balance!)}`]), ...(credited === 0n ? [] : [`die Gutschriften ${say.money(-credited!)}`])];
      return `Zum Gesamtbetrag kommen ${parts.join(' und ')}: Fällig sind ${say.money(amount)}.`;
    },
    amount_paid: ({ amount, from }, say) => `Bezahlt sind ${say.money(amount)}${from['off_stripe'] === 0n ? '' : `, davon ${say.money(from['off_stripe']!)} auf anderem Weg, etwa durch Überweisung`}.`,
    amount_remaining: ({ amount }, say) => `Offen sind ${say.money(amount)}.`,
  },
  difference({ line, field, stated, recomputed, difference }, description, say) {
    const said = (value: bigint | string | null) => (value === null ? 'nichts' : typeof value === 'bigint' ? say.money(value) : value);
    const where = line === null ? 'Die Rechnung' : `Die Position „${description ?? line}“`;
    return `${where} nennt ${said(stated)} als ${FIELDS[field.split('[')[0]!]}; aus den Tatsachen ergibt sich ${said(recomputed)}${difference === null ? '' : `, ein Unterschied von ${say.money(difference)}`}.`;
  },
  comparison: ({ number, invoice, with_number, with: other, amount_due, with_amount_due, difference }, say) =>
    difference === 0n
      ? `Auf ${named(number, invoice)} ist gleich viel fällig wie auf ${named(with_number, other)}: ${say.money(amount_due)}.`
      : `Auf ${named(number, invoice)} sind ${say.money(amount_due)} fällig, auf ${named(with_number, other)} waren es ${say.money(with_amount_due)}: ${say.money(difference < 0n ? -difference : difference)} ${difference > 0n ? 'mehr' : 'weniger'}.`,
  cause: {
    quantity: ({ about, before, after, amount }, say) => `${about}: Die Menge ging von ${before} auf ${after}: ${say.signed(amount)}.`,
    usage: ({ about, before, after, amount }, say) => `${about}: Der Verbrauch ging von ${before ?? 'nichts'} auf ${after ?? 'nichts'}: ${say.signed(amount)}.`,
    price: ({ about, before, after, amount }, say) => (before === after ? `${about} hat einen anderen Preis: ${say.signed(amount)}.` : `${about}: Der Preis ging von ${before} auf ${after}: ${say.signed(amount)}.`),
    trial: ({ about, amount }, say) => `${about}: Nur eine der beiden Rechnungen fiel in die Probezeit: ${say.signed(amount)}.`,
    proration: ({ about, line, with_line, amount }, say) =>
      `${about}: ${line !== null && with_line !== null ? 'Ein anderer Teil eines Zeitraums wird berechnet' : line !== null ? 'Eine Änderung im laufenden Zeitraum steht nur auf dieser Rechnung' : 'Eine Änderung im laufenden Zeitraum stand nur auf der anderen Rechnung'}: ${say.signed(amount)}.`,
    new_item: ({ about, amount }, say) => `${about ?? 'Ein Posten'} steht nur auf dieser Rechnung: ${say.signed(amount)}.`,
    gone_item: ({ about, amount }, say) => `${about ?? 'Ein Posten'} stand nur auf der anderen Rechnung: ${say.signed(amount)}.`,
    discount: ({ about, before, after, amount, over }, say) =>
      `Der Rabatt ${about ?? ''} ${over === null ? '' : over === 'once' ? 'galt für eine Rechnung und ' : `endete am ${moment(over)} und `}ging von ${say.money(BigInt(before!))} auf ${say.money(BigInt(after!))}: ${say.signed(amount)}.`,
    tax: ({ about, before, after, amount }, say) => `${about ?? 'Die Steuer'} ging von ${say.money(BigInt(before!))} auf ${say.money(BigInt(after!))}: ${say.signed(amount)}.`,
    allowance: ({ about, before, after, amount }, say) => `${about}: Enthalten waren ${before} und sind jetzt ${after}: ${say.signed(amount)}.`,
    credit: ({ before, after, amount }, say) => `Guthaben gab damals ${say.money(BigInt(before!))} und jetzt ${say.money(BigInt(after!))}: ${say.signed(amount)}.`,
    balance: ({ before, after, amount }, say) => `Der Kontostand des Kunden änderte den fälligen Betrag damals um ${say.signed(BigInt(before!))} und jetzt um ${say.signed(BigInt(after!))}: ${say.signed(amount)}.`,
    credit_notes: ({ before, after, amount }, say) => `Gutschriften haben damals ${say.money(BigInt(before!))} und jetzt ${say.money(BigInt(after!))} abgezogen: ${say.signed(amount)}.`,
    rest: ({ amount }, say) => `ACHTUNG: Dieser Teil folgt aus nichts, was auf den beiden Rechnungen steht: ${say.signed(amount)}.`,
  },
};
