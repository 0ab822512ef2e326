import type Stripe from 'stripe';
import { refuse } from '../../billing/decision.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { boolean, choice, clearable, fields, list, listParams, metadata, required, text, unsupported } from '../../server/http/params.ts';
import { said } from '../../server/http/schema.ts';
import { VERSIONS } from '../../server/http/versions.ts';
import { nearest } from '../../server/nearest.ts';
import { EVENT_NAMES, OWN_EVENT_NAMES } from './event_names.ts';

export { EVENT_NAMES };

const known = choice('*', ...EVENT_NAMES);
const own = new Set(OWN_EVENT_NAMES);

/** The name of an event. There are too many of them for a refusal that lists them all. */
const eventName: typeof known = {
  ...known,
  read(raw, at, wire) {
    if (known.fits(raw, wire)) return known.read(raw, at, wire);
    if (typeof raw === 'string' && own.has(raw)) return raw as (typeof EVENT_NAMES)[number];
    const meant = typeof raw === 'string' ? nearest(raw, [...EVENT_NAMES, ...OWN_EVENT_NAMES]) : undefined;
    return refuse(undefined, `There is no event ${said(raw)} that Kontor sends.${meant ? ` Did you mean ${meant}?` : ' `*` stands for all of them.'}`, at);
  },
};

const described = { description: clearable(text({ max: 5000 })), metadata: metadata() };
const enabled_events = list(eventName, { min: 1, max: 1 + EVENT_NAMES.length + OWN_EVENT_NAMES.length });
const url = text({ max: 2048 });

export const createEndpoint = fields({
  ...described,
  enabled_events: required(enabled_events),
  url: required(url),
  api_version: choice(...VERSIONS),
  connect: unsupported('there are no connected accounts'),
});
covers<Stripe.WebhookEndpointCreateParams, typeof createEndpoint>(true);
agrees<Stripe.WebhookEndpointCreateParams, typeof createEndpoint>(true);

export const updateEndpoint = fields({ ...described, enabled_events, url, disabled: boolean() });
covers<Stripe.WebhookEndpointUpdateParams, typeof updateEndpoint>(true);
agrees<Stripe.WebhookEndpointUpdateParams, typeof updateEndpoint>(true);

export const listEndpoints = listParams({});
covers<Stripe.WebhookEndpointListParams, typeof listEndpoints>(true);
agrees<Stripe.WebhookEndpointListParams, typeof listEndpoints>(true);

export const nothing = fields({});
covers<Stripe.WebhookEndpointRetrieveParams, typeof nothing>(true);
covers<Stripe.WebhookEndpointDeleteParams, typeof nothing>(true);
