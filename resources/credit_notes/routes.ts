import type { Room } from '../../server/context.ts';
import { get, post } from '../../server/http/route.ts';
import * as commands from './commands.ts';
import * as params from './params.ts';
import { creditNote, creditNoteLine } from './resource.ts';

export const creditNotes: Room = {
  resources: [creditNote, creditNoteLine],
  routes: [
    post('/v1/credit_notes', params.createCreditNote, commands.create),
    get('/v1/credit_notes', params.listCreditNotes, commands.list),
    get('/v1/credit_notes/preview', params.createCreditNote, commands.preview),
    get('/v1/credit_notes/preview/lines', params.previewLines, commands.previewLines),
    get('/v1/credit_notes/:credit_note', params.nothing, commands.retrieve),
    post('/v1/credit_notes/:credit_note', params.updateCreditNote, commands.update),
    post('/v1/credit_notes/:credit_note/void', params.nothing, commands.voidNote),
    get('/v1/credit_notes/:credit_note/lines', params.listLines, commands.listLines),
  ],
};
