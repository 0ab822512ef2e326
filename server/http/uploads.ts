/** Files in requests: bodies of `multipart/form-data`, as Stripe's clients send them, and files in answers. */
import { refuse } from '../../billing/decision.ts';
import { decodeForm, emptyMap, Upload, type Raw, type RawMap } from './forms.ts';
import { said, schema, type Leaf, type Schema } from './schema.ts';

/** The fields of a body of many parts: texts as a form would have them, and files under their names. */
export async function decodeMultipart(body: Buffer, type: string): Promise<RawMap> {
  const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData().catch(() => refuse(undefined, 'Invalid request: the body is no `multipart/form-data` with the boundary that its `Content-Type` names.'));
  const texts = new URLSearchParams();
  const files = emptyMap();
  for (const [name, value] of form) {
    if (typeof value === 'string') texts.append(name, value);
    else if (name in files) refuse(undefined, `Give \`${name}\` once.`, name);
    else files[name] = new Upload(value.name, Buffer.from(await value.arrayBuffer())) as unknown as Raw;
  }
  const fields = decodeForm(Buffer.from(texts.toString(), 'latin1'));
  const twice = Object.keys(files).find((name) => name in fields);
  if (twice !== undefined) refuse(undefined, `Give \`${twice}\` once.`, twice);
  return Object.assign(fields, files);
}

/** A file of at most so many bytes. */
export function upload({ max }: { max: number }): Schema<Upload, 'optional', Leaf> {
  return schema({ kind: 'file', max }, (raw: unknown) => raw instanceof Upload, (raw: unknown, at) => {
    if (!(raw instanceof Upload)) return refuse(undefined, `Invalid file: ${said(raw as Raw)}. Send \`${at}\` as a part of \`multipart/form-data\` with a filename.`, at);
    if (raw.bytes.length === 0) refuse(undefined, `The file \`${at}\` is empty.`, at);
    if (raw.bytes.length > max) refuse(undefined, `The file \`${at}\` has ${raw.bytes.length} bytes; at most ${max} are taken.`, at);
    return raw;
  });
}

/** A file in an answer. It is saved, or shown for itself, and never a page of ours. */
export type Download = { bytes: Buffer; type: string; filename: string };

export const headersOf = ({ type, filename }: Download, how: 'attachment' | 'inline' = 'attachment'): Record<string, string> => ({
  'content-type': type, 'content-disposition': `${how}; filename*=UTF-8''${encodeURIComponent(filename).replaceAll(/['()*]/g, (each) => `%${each.charCodeAt(0).toString(16)}`)}`, 'x-content-type-options': 'nosniff', 'content-security-policy': "default-src 'none'",
});
