/** Files that are uploaded as evidence of disputes. They are kept in the database, and never changed nor removed. */
import type Stripe from 'stripe';
import { decision, refuse } from '../../billing/decision.ts';
import { commit } from '../../server/commit.ts';
import { realMoment, type Context, type Json, type Room } from '../../server/context.ts';
import { agrees, covers } from '../../server/http/agreement.ts';
import { missing } from '../../server/http/errors.ts';
import { choice, doc, fields, listParams, range, required, unsupported, type Params } from '../../server/http/params.ts';
import { get, post } from '../../server/http/route.ts';
import { upload, type Download } from '../../server/http/uploads.ts';
import { equal, page, renderList, within } from '../../server/lists.ts';
import { file, renderFile } from './resource.ts';
import { fileWithContents, filesById, MEDIA_TYPES, placed, typeOf, type FileRow } from './rows.ts';

/** A file has at most so many bytes: five megabytes. */
const MOST_BYTES = 5 * 1_048_576;
/** The fields beside it, and the boundaries. */
const BESIDE = 65_536;

const createFile = fields({
  file: required(doc('A PDF, a JPEG or a PNG, as a part of `multipart/form-data`.', upload({ max: MOST_BYTES }))),
  file_link_data: unsupported('make the link by `POST /v1/file_links`, once the file is there'),
  purpose: required(choice('dispute_evidence')),
});
covers<Stripe.FileCreateParams, typeof createFile>(true);
agrees<Stripe.FileCreateParams, typeof createFile>(true);

const listFiles = listParams({ created: range(), purpose: choice('dispute_evidence') });
covers<Stripe.FileListParams, typeof listFiles>(true);
agrees<Stripe.FileListParams, typeof listFiles>(true);

const nothing = fields({});
covers<Stripe.FileRetrieveParams, typeof nothing>(true);

type Path = { file: string };

async function create(ctx: Context, { file: { filename, bytes }, purpose }: Params<typeof createFile>): Promise<Json> {
  const type = typeOf(bytes);
  if (type === null) refuse(undefined, 'Evidence is a PDF, a JPEG or a PNG; this file is none of them by what is in it.', 'file');
  const { now, newId } = realMoment(ctx.app);
  const made: FileRow = { id: newId('file'), created: now, purpose, filename: filename.replaceAll('\0', '').slice(0, 255) || 'file', type, size: BigInt(bytes.length) };
  const puts = [{ table: 'files', before: null, after: made }, { table: 'file_contents', before: null, after: { id: made.id, bytes: `\\x${bytes.toString('hex')}` } }];
  await commit(ctx, { ...decision(), puts, facts: [{ type: 'file.created', object: 'file', whole: placed(ctx, made), at: now }] });
  return renderFile(placed(ctx, made));
}

async function retrieve(ctx: Context, _given: object, path: Path): Promise<Json> {
  const [found] = await filesById(ctx.tx, [path.file]);
  return renderFile(placed(ctx, found ?? missing('file', path.file)));
}

async function contents(ctx: Context, _given: object, path: Path): Promise<Download> {
  const { bytes, type, filename } = (await fileWithContents(ctx.tx, path.file)) ?? missing('file', path.file);
  return { bytes, filename, type: MEDIA_TYPES[type] };
}

async function list(ctx: Context, given: Params<typeof listFiles>): Promise<Json> {
  const { data, has_more } = await page<FileRow>(ctx, 'files', 'file', [...equal('purpose', given.purpose), ...within('created', given.created)], given);
  return renderList('/v1/files', data.map((each): Json => renderFile(placed(ctx, each))), has_more);
}

export const files: Room = {
  resources: [file],
  routes: [
    post('/v1/files', createFile, create, { upload: MOST_BYTES + BESIDE }),
    get('/v1/files', listFiles, list),
    get('/v1/files/:file', nothing, retrieve),
    get('/v1/files/:file/contents', nothing, contents),
  ],
};
