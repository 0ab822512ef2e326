import { adyenProcessor } from '../../connectors/processors/adyen/adyen.ts';
import type { HandledOutcome } from '../../connectors/processors/processor.ts';
import { sandbox, type Fault as SandboxFault } from '../../connectors/processors/sandbox/sandbox.ts';
import { stripeProcessor } from '../../connectors/processors/stripe/stripe.ts';
import { FakeAdyen } from './adyen/adyen.ts';
import { contract, TIMEOUT_MS, type Cards } from './contract.ts';
import { Inbox } from './inbox.ts';
import type { Fault } from './server.ts';
import { FakeStripe } from './stripe/stripe.ts';

const CARDS: Cards = { good: 'pm_card_visa', declined: 'pm_card_visa_chargeDeclined', poor: 'pm_card_visa_chargeDeclinedInsufficientFunds', lost: 'pm_card_visa_chargeDeclinedLostCard', asks: 'pm_card_authenticationRequired', leaving: 'pm_card_mastercard' };

contract('the sandbox', CARDS, async () => {
  const faults: Fault[] = [];
  const lost: Record<Exclude<Fault, null>, SandboxFault> = { lost_before: 'request_lost', lost_after: 'answer_lost', slow: 'answer_lost', error_after: 'answer_lost' };
  const processor = sandbox({ fault: () => lost[faults.shift() as Exclude<Fault, null>] ?? null });
  return { processor, faults, forgets: false, act: () => undefined, taken: () => null, close: async () => undefined };
});

contract('stripe', CARDS, async () => {
  const faults: Fault[] = [];
  const fake = await new FakeStripe({ fault: () => faults.shift() ?? null }).start();
  const processor = await stripeProcessor({ address: fake.address, timeout_ms: TIMEOUT_MS }).open({ id: 'prc_stripe', livemode: false, settings: { secret_key: fake.key, webhook_secret: fake.webhook_secret } });
  const taken = (op_id: string) => [...fake.intents.values()].filter((each) => each.metadata.kontor_operation === op_id && each.status === 'succeeded').length;
  const contest = async (payment: string) => ({ reference: fake.banks.contest(fake.intents.get(payment)!) });
  return { processor, contest, faults, forgets: true, act: (reference, result) => fake.act(reference, result), taken, close: () => fake.close() };
});

contract('adyen', { good: 'shopper/good', declined: 'shopper/declined', poor: 'shopper/poor', lost: 'shopper/lost', asks: 'shopper/asks', leaving: 'leaver/good' }, async () => {
  const faults: Fault[] = [];
  const fake = await new FakeAdyen({ fault: () => faults.shift() ?? null }).start();
  const { key: api_key, hmac_key, merchant_account } = fake;
  const processor = await adyenProcessor({ httpClient: fake.httpClient, timeout_ms: TIMEOUT_MS }).open({ id: 'prc_adyen', livemode: false, settings: { api_key, hmac_key, merchant_account } });
  const inbox = await Inbox.open(processor);
  fake.herald.url = inbox.url;
  const told = async (op_id: string, verb: 'capture' | 'cancel' | 'increment', charge: string) => {
    await fake.herald.settled();
    const { sought } = inbox.notices.findLast((each) => each.sought.op_id === op_id)!;
    return ((await processor.lookup({ ...sought, verb, charge })) as { outcome: HandledOutcome }).outcome;
  };
  const close = async () => { await fake.close(); await inbox.close(); };
  const contest = async (payment: string) => {
    const reference = fake.contest(payment, 'CHARGEBACK');
    await fake.herald.settled();
    return inbox.news.find((each) => each.reference === reference)!;
  };
  return { processor, contest, faults, forgets: true, act: () => undefined, back: FakeAdyen.resultOf, told, taken: (op_id) => fake.taken(op_id), close };
});
