/** What is asked of a customer's credit grants: by the engine. */
import { changeGrant, createGrant, expireGrant, voidGrant, type CreditGrantRow } from '../../billing/credit/grant.ts';
import { Refusal } from '../../billing/decision.ts';
import { CUSTOMER } from './catalog.ts';
import type { Life } from './engine.ts';
import type { Action } from './reference/history.ts';

export function actOnGrant({ store }: Life, action: Extract<Action, { kind: 'grant' | 'move_grant' | 'expire_grant' | 'void_grant' }>): void {
  const moment = store.moment(action.at);
  const grants = store.all<CreditGrantRow>('credit_grants');
  if (action.kind === 'grant') {
    const { id, prices, expires_at, ...grant } = action.grant;
    const given = { ...grant, name: id, prices: prices && prices.map((price) => price.id), ...(expires_at !== null && { expires_at }) };
    return store.apply(createGrant(given, store.customer(CUSTOMER), grants.filter((each) => each.balance > 0n).length, moment));
  }
  const grant = grants.find((each) => each.name === action.grant);
  if (grant === undefined) throw new Refusal('resource_missing', 'There is no such grant.');
  switch (action.kind) {
    case 'expire_grant': return store.apply(expireGrant(grant, moment));
    case 'void_grant': return store.apply(voidGrant(grant, moment));
    case 'move_grant': return store.apply(changeGrant(grant, { expires_at: action.expires_at }, moment));
  }
}
