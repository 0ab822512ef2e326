import type Stripe from 'stripe';
import { agrees, covers } from '../../server/http/agreement.ts';
import { boolean, choice, clearable, doc, fields, id, listParams, metadata, range, text, unsupported } from '../../server/http/params.ts';

const described = () => text({ max: 20_000, blank: true });
const file = doc('The id of a file with the purpose `dispute_evidence`. All files of a dispute have 4.5 MB together at most.', clearable(id('file')));
const compliance = fields({ fee_acknowledged: boolean() });

const evidence = fields({
  access_activity_log: described(),
  appeal: unsupported('appeals are not implemented'),
  billing_address: described(),
  cancellation_policy: file,
  cancellation_policy_disclosure: described(),
  cancellation_rebuttal: described(),
  customer_communication: file,
  customer_email_address: described(),
  customer_name: described(),
  customer_purchase_ip: described(),
  customer_signature: file,
  duplicate_charge_documentation: file,
  duplicate_charge_explanation: described(),
  duplicate_charge_id: described(),
  enhanced_evidence: fields({
    mastercard_compliance: compliance,
    visa_compelling_evidence_3: unsupported('no dispute is eligible for it: give evidence in the other fields'),
    visa_compliance: compliance,
  }),
  product_description: described(),
  receipt: file,
  refund_policy: file,
  refund_policy_disclosure: described(),
  refund_refusal_explanation: described(),
  service_date: described(),
  service_documentation: file,
  shipping_address: described(),
  shipping_carrier: described(),
  shipping_date: described(),
  shipping_documentation: file,
  shipping_tracking_number: described(),
  uncategorized_file: file,
  uncategorized_text: described(),
});

export const updateDispute = fields({ evidence, intended_submission_method: choice('manual', 'prefer_manual'), metadata: metadata(), submit: boolean() });
covers<Stripe.DisputeUpdateParams, typeof updateDispute>(true);
agrees<Stripe.DisputeUpdateParams, typeof updateDispute>(true);

export const listDisputes = listParams({ charge: id('ch'), created: range(), payment_intent: id('pi') });
covers<Stripe.DisputeListParams, typeof listDisputes>(true);
agrees<Stripe.DisputeListParams, typeof listDisputes>(true);

export const nothing = fields({});
covers<Stripe.DisputeRetrieveParams, typeof nothing>(true);
covers<Stripe.DisputeCloseParams, typeof nothing>(true);
