import type { Room } from '../../server/context.ts';
import { get, post } from '../../server/http/route.ts';
import { save } from './calls.ts';
import * as commands from './commands.ts';
import { givingUp } from './give_up.ts';
import * as params from './params.ts';
import { setupIntent } from './resource.ts';

export const setupIntents: Room = {
  resources: [setupIntent],
  routes: [
    post('/v1/setup_intents', params.createSetupIntent, commands.create),
    get('/v1/setup_intents', params.listSetupIntents, commands.list),
    get('/v1/setup_intents/:intent', params.retrieveSetupIntent, commands.retrieve, { publishable: true }),
    post('/v1/setup_intents/:intent', params.updateSetupIntent, commands.update),
    post('/v1/setup_intents/:intent/cancel', params.cancelSetupIntent, commands.cancel),
    post('/v1/setup_intents/:intent/confirm', params.confirmSetupIntent, commands.confirm, { publishable: true }),
    post('/v1/setup_intents/:intent/verify_microdeposits', params.verifyMicrodeposits, commands.verifyMicrodeposits, { publishable: true }),
  ],
  calls: { 'processor.save': save, 'processor.give_up_setup': givingUp },
};
