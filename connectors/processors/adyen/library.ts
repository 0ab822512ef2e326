/** Adyen's library, loaded when the first processor of the kind is opened. */
import type * as Library from '@adyen/api-library';

export type HmacValidator = InstanceType<typeof Library.hmacValidator>;

/** An item of a webhook, as far as it is signed, and what is only shown of it. */
export type NotificationItem = { eventCode: string; pspReference: string; originalReference?: string; merchantAccountCode: string; merchantReference: string; success: string; reason?: string; amount: { value: number; currency: string }; additionalData?: { chargebackReasonCode?: string; defensePeriodEndsAt?: string } };

export const load = (): Promise<typeof Library> => import('@adyen/api-library');
