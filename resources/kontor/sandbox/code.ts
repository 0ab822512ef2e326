/** The code that is scanned from a screen, as an image: dark modules on white, whatever the colours of the page around it. */
import { crc32, deflateSync } from 'node:zlib';
import encode from 'qr';

/** Modules of light around the code, as ISO/IEC 18004 wants it. */
const BORDER = 4;
/** Pixels of a module in a bitmap. */
const SCALE = 8;

const modulesOf = (text: string): boolean[][] => encode(text, 'raw', { border: BORDER, ecc: 'medium' });

export function codeAsSvg(text: string): string {
  const rows = modulesOf(text);
  const path = rows.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : []))).join('');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${rows.length} ${rows.length}" shape-rendering="crispEdges" role="img" aria-label="Code to scan"><path fill="#fff" d="M0 0h${rows.length}v${rows.length}H0z"/><path d="${path}"/></svg>`;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/** A PNG of one bit per pixel, in grey. */
export function codeAsPng(text: string): Buffer {
  const rows = modulesOf(text);
  const side = rows.length * SCALE;
  const bytes = Math.ceil(side / 8);
  const lines = rows.flatMap((row) => {
    // Each line begins with its filter, which is none. A module is SCALE pixels wide, so it is a byte: 0 is dark.
    const line = Buffer.alloc(bytes + 1);
    row.forEach((dark, x) => line.writeUInt8(dark ? 0x00 : 0xff, x + 1));
    return Array.from({ length: SCALE }, () => line);
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([1, 0, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), chunk('IHDR', header), chunk('IDAT', deflateSync(Buffer.concat(lines))), chunk('IEND', Buffer.alloc(0))]);
}
