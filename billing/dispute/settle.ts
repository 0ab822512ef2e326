/** A dispute comes to its end: won, lost, or nothing more than a question. */
import { fundsLegs, moveFunds } from '../balance/funds.ts';
import { movedAs } from '../balance/settlement.ts';
import { decision, together, type Decision, type Moment } from '../decision.ts';
import type { Fee } from '../payment/outcome.ts';
import { nextStep, post, putDispute, tell, type Disputed, type DisputeMove, type DisputeWhole } from './dispute.ts';

/** What the bank charged comes back with the amount. */
const foretold = ({ fees }: DisputeWhole): DisputeMove => ({ fees: fees.map((fee): Fee => ({ type: 'processing', description: `${fee.description}, given back`, amount: -BigInt(fee.amount) })) });

/** What was taken comes back. */
function reinstate({ dispute: before, charge, settlement }: Disputed, move: DisputeMove, moment: Moment): Decision & { dispute: DisputeWhole } {
  const { id: source, amount, currency, processor, test_clock } = before;
  const { fees, settled } = movedAs(charge, amount, move, settlement);
  const { transaction, ...moved } = moveFunds({ type: 'adjustment', reporting_category: 'dispute_reversal', source, description: `Dispute of ${charge.id}, won`, amount, currency, fees, settled, available: 'now', processor, test_clock }, moment);
  const dispute: DisputeWhole = { ...before, transactions: [...before.transactions, transaction] };
  const posted = post(dispute, 'reinstated', [...fundsLegs(amount, charge, transaction), { ledger_account: 'disputed_payments', amount: -amount }], moment);
  return { ...together([moved, posted]), dispute };
}

/** The end of a dispute. What is lost of a payment for an invoice is a loss, and the invoice stays paid; of one that was put to none it is no longer there. */
export function settle({ dispute: before, charge, settlement }: Disputed, status: 'won' | 'lost' | 'warning_closed', moment: Moment, returned: DisputeMove = foretold(before)): Decision {
  const closed: DisputeWhole = { ...before, status };
  const back = status === 'won' && before.withdrawn ? reinstate({ dispute: closed, charge, settlement }, returned, moment) : null;
  const loss = { ledger_account: charge.applied ? 'dispute_losses' : 'unapplied_payments', amount: before.amount } as const;
  const dispute = back?.dispute ?? closed;
  const made = [putDispute(before, dispute), tell(dispute, 'closed', moment), { ...decision(), timers: [nextStep(dispute)] }];
  if (back) made.push(back, { ...decision(), puts: [{ table: 'charges', before: charge, after: { ...charge, amount_disputed: charge.amount_disputed - dispute.amount } }] }, tell(dispute, 'funds_reinstated', moment));
  const { amount } = loss;
  if (status === 'lost' && before.withdrawn) made.push(post(dispute, 'lost', [loss, { ledger_account: 'disputed_payments', amount: -amount }], moment));
  // A bank may decide otherwise after all.
  if (back && before.status === 'lost') made.push(post(dispute, 'recovered', [{ ledger_account: 'disputed_payments', amount }, { ...loss, amount: -amount }], moment));
  return together(made);
}
