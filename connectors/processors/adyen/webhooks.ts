/** Adyen's standard webhooks: each item is signed over what it says, which is checked by Adyen's library; nothing else of it is believed. */
import type { HmacValidator, NotificationItem } from './library.ts';
import type { Delivery, Notice, Received } from '../processor.ts';

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

function noticesOf({ eventCode, pspReference, merchantReference, success, reason }: NotificationItem): Notice[] {
  const event = EVENTS[eventCode];
  if (!event) return [];
  const { about, says } = event;
  return [{ id: `${eventCode}:${pspReference}:${success}`, about, sought: { op_id: merchantReference, reference: pspReference, said: { success: (success === 'true') === says, reason: reason || null } } }];
}

export function receive(validator: HmacValidator, { body }: Delivery, { hmac_key, merchant_account, livemode }: { hmac_key: string | undefined; merchant_account: string; livemode: boolean }): Received {
  if (hmac_key === undefined) return { kind: 'refused', message: 'This processor has no `hmac_key`, so no webhook of it is believed. Give it the HMAC key of the webhook at Adyen.' };
  try {
    const { live, notificationItems } = JSON.parse(Buffer.from(body).toString('utf8')) as { live: string; notificationItems: { NotificationRequestItem: NotificationItem }[] };
    const items = notificationItems.map((each) => each.NotificationRequestItem);
    const ours = items.length > 0 && (live === 'true') === livemode && items.every((each) => each.merchantAccountCode === merchant_account && validator.validateHMAC(each as never, hmac_key));
    if (ours) return { kind: 'notices', notices: items.flatMap(noticesOf) };
  } catch {
    // What cannot be read is not signed either.
  }
  return { kind: 'refused', message: 'The webhook is not signed with the `hmac_key` of this processor, or not for its merchant account.' };
}
