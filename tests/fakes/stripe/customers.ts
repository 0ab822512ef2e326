/** The customers of a fake Stripe account, and the payment methods that they keep, from the public reference of both. */
import { cardNamed } from './cards.ts';
import { listed, missing, refuse, type Given } from './params.ts';
import { methodOf, type Thing } from './things.ts';

/** What the fake makes ids and tells the time with. */
type Fake = { id(prefix: string): string; now(): number };

export class FakeCustomers {
  readonly #customers = new Map<string, Thing>();
  readonly #methods = new Map<string, Thing>();
  readonly #fake: Fake;

  constructor(fake: Fake) {
    this.#fake = fake;
  }

  /** What a request about customers and their methods does; null where it is about something else. */
  perform(name: string, id: string, given: Given): object | null {
    switch (name) {
      case 'POST customers': return this.#put(given);
      case 'GET customers/:id': return this.#customer(id);
      case 'DELETE customers/:id': return this.#delete(id);
      case 'GET customers/:id/payment_methods': return listed(`/v1/customers/${id}/payment_methods`, this.#methodsOf(id), given);
      case 'POST payment_methods': return this.makeMethod(given);
      case 'GET payment_methods/:id': return cardNamed(id) ? this.makeMethod({ type: 'card', card: { token: id } }) : this.method(id);
      case 'POST payment_methods/:id/attach': return this.#attach(this.method(id), this.#customer(given.customer).id);
      case 'POST payment_methods/:id/detach': return this.#detach(this.method(id));
      default: return null;
    }
  }

  method(id: string): Thing {
    return this.#methods.get(id) ?? missing('payment_method', id);
  }

  makeMethod(given: Given): Thing {
    const method = methodOf(given, { id: this.#fake.id('pm'), now: this.#fake.now() });
    this.#methods.set(method.id, method);
    return method;
  }

  /** What its holder has agreed to keep is attached to the customer. */
  keepFor({ customer, payment_method }: Thing): void {
    Object.assign(this.method(payment_method), { customer, set_up: true });
  }

  /** A customer that the account has made itself. */
  put(): string {
    return this.#put({}).id;
  }

  /** A card that the account has made, and attached where a customer is named. */
  putMethod(token: string, customer: string | null): string {
    const method = this.makeMethod({ type: 'card', card: { token } });
    return customer === null ? method.id : this.#attach(method, customer).id;
  }

  /** Whose a payment method is; null where it is nobody's. */
  ownerOf(method: string): string | null {
    return this.method(method).customer;
  }

  /** The customers that are there. */
  ids(): string[] {
    return [...this.#customers.values()].flatMap((each) => (each.deleted ? [] : [each.id]));
  }

  /** All payment methods, in the order in which they were made. */
  methodIds(): string[] {
    return [...this.#methods.keys()];
  }

  #put({ name = null, email = null, metadata = {} }: Given): Thing {
    const customer = { id: this.#fake.id('cus'), object: 'customer', name, email, metadata };
    this.#customers.set(customer.id, customer);
    return customer;
  }

  #customer(id: string): Thing {
    return this.#customers.get(id) ?? missing('customer', id);
  }

  #methodsOf(customer: string): Thing[] {
    return [...this.#methods.values()].filter((each) => each.customer === customer);
  }

  #attach(method: Thing, customer: string): Thing {
    if (method.customer !== null && method.customer !== customer) refuse(400, undefined, 'The payment method you provided has already been attached to a customer.');
    if (method.customer === null && method.used) refuse(400, undefined, 'This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, and may not be used again.');
    return Object.assign(method, { customer });
  }

  #detach(method: Thing): Thing {
    if (method.customer === null) refuse(400, undefined, 'The payment method you provided is not attached to a customer so detachment is impossible.');
    return Object.assign(method, { customer: null, used: true });
  }

  /** A customer that is deleted is shown as such, and has no methods any more. */
  #delete(id: string): Thing {
    for (const method of this.#methodsOf(this.#customer(id).id)) this.#detach(method);
    const deleted = { id, object: 'customer', deleted: true };
    this.#customers.set(id, deleted);
    return deleted;
  }
}
