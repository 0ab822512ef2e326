import type Stripe from 'stripe';
import { refuse } from '../../../../billing/decision.ts';
import { agrees, covers } from '../../../../server/http/agreement.ts';
import { byDefault, choice, fields, id, integer, list, metadata, required, text, unsupported } from '../../../../server/http/params.ts';
import { said } from '../../../../server/http/schema.ts';
import { nearest } from '../../../../server/nearest.ts';
import { ONLY_SNAPSHOTS } from '../../../../server/webhooks/thin.ts';
import { EVENT_NAMES } from '../../../webhook_endpoints/params.ts';

/** The thin events that there are. `v2.core.event_destination.ping` needs no asking. */
const NAMES: ReadonlySet<string> = new Set(['*', ...EVENT_NAMES.filter((name) => !ONLY_SNAPSHOTS.includes(name)).map((name) => `v1.${name}`), 'v1.billing.meter.error_report_triggered', 'v1.billing.meter.no_meter_found']);
const name = text({ max: 200 });
const eventName: typeof name = {
  ...name,
  read(raw, at, wire) {
    const read = name.read(raw, at, wire);
    if (NAMES.has(read)) return read;
    const meant = nearest(read, [...NAMES]) ?? (NAMES.has(`v1.${read}`) ? `v1.${read}` : undefined);
    return refuse(undefined, `There is no thin event ${said(raw)} that Kontor sends.${meant ? ` Did you mean ${meant}?` : ' `*` stands for all of them.'}`, at);
  },
};
const enabled_events = list(eventName, { min: 1, max: NAMES.size });
const include = list(choice('webhook_endpoint.url'), { max: 1 });
const webhook_endpoint = fields({ url: required(text({ max: 2048 })) });
const described = { description: text({ max: 5000 }), metadata: metadata() };

const payload = choice('snapshot', 'thin');
const thin: typeof payload = {
  ...payload,
  read: (raw, at, wire) => (payload.read(raw, at, wire) === 'thin' ? 'thin' : refuse(undefined, 'Snapshots of objects are sent to webhook endpoints: make one by POST /v1/webhook_endpoints.', at)),
};

export const createDestination = fields({
  ...described,
  enabled_events: required(enabled_events),
  event_payload: required(thin),
  name: required(text({ max: 250 })),
  type: required(choice('webhook_endpoint')),
  amazon_eventbridge: unsupported('events are sent to webhook endpoints'),
  azure_event_grid: unsupported('events are sent to webhook endpoints'),
  events_from: list(choice('self'), { max: 1 }),
  include: list(choice('webhook_endpoint.signing_secret', 'webhook_endpoint.url'), { max: 2 }),
  snapshot_api_version: unsupported('snapshots are sent to webhook endpoints'),
  webhook_endpoint: required(webhook_endpoint),
});
covers<Stripe.V2.Core.EventDestinationCreateParams, typeof createDestination>(true);
agrees<Stripe.V2.Core.EventDestinationCreateParams, typeof createDestination>(true);

export const updateDestination = fields({ ...described, enabled_events, include, name: text({ min: 1, max: 250 }), webhook_endpoint });
covers<Stripe.V2.Core.EventDestinationUpdateParams, typeof updateDestination>(true);
agrees<Stripe.V2.Core.EventDestinationUpdateParams, typeof updateDestination>(true);

export const retrieveDestination = fields({ include });
covers<Stripe.V2.Core.EventDestinationRetrieveParams, typeof retrieveDestination>(true);

export const listDestinations = fields({ include, limit: byDefault(integer({ min: 1, max: 100 }), 20), page: id('ed') });
agrees<Stripe.V2.Core.EventDestinationListParams & { page?: string }, typeof listDestinations>(true);

export const nothing = fields({});
