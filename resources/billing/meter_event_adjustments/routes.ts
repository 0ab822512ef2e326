import type { Room } from '../../../server/context.ts';
import { post } from '../../../server/http/route.ts';
import * as commands from './commands.ts';
import * as params from './params.ts';

export const meterEventAdjustments: Room = { routes: [post('/v1/billing/meter_event_adjustments', params.createAdjustment, commands.create, { counts: true })] };
