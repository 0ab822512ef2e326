/** Adyen's standard webhooks: each item is signed over what it says, which is checked by Adyen's library; nothing else of it is believed. */
import type { HmacValidator, NotificationItem } from './library.ts';
import type { Delivery, News, Notice, Received } from '../processor.ts';
import { amountIn } from './words.ts';

/** What an event is about, and what it says where it succeeded. Others are about nothing that was asked of Adyen. */
const EVENTS: Readonly<Record<string, { about: Notice['about']; says: boolean }>> = {
  AUTHORISATION: { about: 'charge', says: true },
  CAPTURE: { about: 'capture', says: true },
  CANCELLATION: { about: 'cancel', says: true },
  AUTHORISATION_ADJUSTMENT: { about: 'increment', says: true },
  REFUND: { about: 'refund', says: true },
  REFUND_FAILED: { about: 'refund', says: false },
  REFUNDED_REVERSED: { about: 'refund', says: false },
};

function noticesOf({ eventCode, pspReference, merchantReference, success, reason, amount }: NotificationItem): Notice[] {
  const event = EVENTS[eventCode];
  if (!event) return [];
  const { about, says } = event;
  const { amount: moved, currency } = amountIn(amount);
  return [{ id: `${eventCode}:${pspReference}:${success}`, about, sought: { op_id: merchantReference, reference: pspReference, said: { success: (success === 'true') === says, reason: reason || null, money: { amount: String(moved), currency } } } }];
}

type Told = Partial<Record<'taken' | 'returned', { fees: [] }>> & { status: NonNullable<News['said']>['status'] };
const MOVED = { fees: [] } satisfies Told['taken'];

/** What of a dispute an event says. What the bank charges for it is in Adyen's reports only. Of the stages between, what counts is told by what moves the money. */
const DISPUTES: Readonly<Record<string, Told>> = {
  REQUEST_FOR_INFORMATION: { status: 'warning_needs_response' },
  NOTIFICATION_OF_CHARGEBACK: { status: 'needs_response' },
  CHARGEBACK: { status: 'needs_response', taken: MOVED },
  INFORMATION_SUPPLIED: { status: 'under_review' },
  DISPUTE_DEFENSE_PERIOD_ENDED: { status: 'lost', taken: MOVED },
  CHARGEBACK_REVERSED: { status: 'won', taken: MOVED, returned: MOVED },
  SECOND_CHARGEBACK: { status: 'lost', taken: MOVED },
};

/** A second chargeback takes what a first one has given back: it is a dispute of its own. */
function newsOf({ eventCode, pspReference, originalReference = '', amount, success, additionalData: shown = {} }: NotificationItem): News[] {
  const told = success === 'true' ? DISPUTES[eventCode] : undefined;
  if (!told) return [];
  const { status, taken = null, returned = null } = told;
  const reference = eventCode === 'SECOND_CHARGEBACK' ? `${pspReference}:second` : pspReference;
  const about = { kind: 'dispute', reference, charge: originalReference, reason: 'general', network_reason_code: shown.chargebackReasonCode ?? null, due_by: Date.parse(shown.defensePeriodEndsAt ?? '') / 1_000 || null, submission_count: eventCode === 'INFORMATION_SUPPLIED' ? 1 : null } as const;
  return [{ id: `${eventCode}:${pspReference}`, about: 'dispute', reference, said: { ...about, status, taken, returned, ...amountIn(amount) } }];
}

export function receive(validator: HmacValidator, { body }: Delivery, { hmac_key, merchant_account, livemode }: { hmac_key: string | undefined; merchant_account: string; livemode: boolean }): Received {
  if (hmac_key === undefined) return { kind: 'refused', message: 'This processor has no `hmac_key`, so no webhook of it is believed. Give it the HMAC key of the webhook at Adyen.' };
  try {
    const { live, notificationItems } = JSON.parse(Buffer.from(body).toString('utf8')) as { live: string; notificationItems: { NotificationRequestItem: NotificationItem }[] };
    const items = notificationItems.map((each) => each.NotificationRequestItem);
    const ours = items.length > 0 && (live === 'true') === livemode && items.every((each) => each.merchantAccountCode === merchant_account && validator.validateHMAC(each as never, hmac_key));
    if (ours) return { kind: 'notices', notices: items.flatMap(noticesOf), news: items.flatMap(newsOf) };
  } catch {
    // What cannot be read is not signed either.
  }
  return { kind: 'refused', message: 'The webhook is not signed with the `hmac_key` of this processor, or not for its merchant account.' };
}
