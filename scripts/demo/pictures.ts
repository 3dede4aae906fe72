/** The demo's pictures: photographs of real size made on the spot, a public and a private one, and one that is refused. */
import { randomBytes } from "node:crypto";
import sharp from "sharp";
import type { Api } from "./inbox.ts";
import { until } from "./until.ts";

export interface MediaFigures {
  /** Files that S3 took (201). */
  uploaded: number;
  /** Sizes that the API names and the CDN delivers as what they are called. */
  derived: number;
  /** Files that the API says were refused. */
  refused: number;
}

/** What `POST /uploads` answers. */
export interface Upload {
  id: string;
  upload: { url: string; fields: Record<string, string> };
}

/** Sends a file by its form, the file last; S3 answers 201. */
export function sendForm(
  { upload }: Upload,
  bytes: Uint8Array,
  headers: Record<string, string> = {},
): Promise<Response> {
  const form = new FormData();
  for (const [name, value] of Object.entries(upload.fields)) form.append(name, value);
  form.append("file", new Blob([new Uint8Array(bytes)]));
  return fetch(upload.url, { method: "POST", headers, body: form });
}

interface Media {
  id: string;
  state: string;
  reason: { code: string; message: string } | null;
  picture: {
    width: number;
    height: number;
    sources: { contentType: string; sizes: { url: string; width: number; size: number }[] }[];
  } | null;
}

/** Noise over a gradient: what encoders find as hard as a photograph. */
async function photograph(width: number, height: number): Promise<Buffer> {
  const coarse = { width: Math.ceil(width / 16), height: Math.ceil(height / 16), channels: 3 as const };
  return sharp(randomBytes(coarse.width * coarse.height * 3), { raw: coarse })
    .resize(width, height, { fit: "fill", kernel: "cubic" })
    .jpeg({ quality: 88 })
    .toBuffer();
}

const drawing = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>');

/**
 * @param cdn Where the stage's CDN is on this machine.
 * @returns The figures, and what did not go as it should.
 */
export async function showPictures(
  api: Api,
  cdn: string,
  say: (line: string) => void,
): Promise<{ figures: MediaFigures; problems: string[] }> {
  const problems: string[] = [];
  say("\nthree uploads: a public photograph, a private one, and a drawing with a script in it …");
  const files = [
    {
      filename: "office.jpg",
      contentType: "image/jpeg",
      visibility: "public",
      bytes: await photograph(4000, 3000),
    },
    {
      filename: "badge.jpg",
      contentType: "image/jpeg",
      visibility: "private",
      bytes: await photograph(1600, 2000),
    },
    { filename: "logo.png", contentType: "image/png", visibility: "public", bytes: drawing },
  ];
  let uploaded = 0;
  const asked = Date.now();
  const uploads = await Promise.all(
    files.map(async ({ bytes, ...file }) => {
      const upload = await api.post<Upload>("/uploads", { ...file, size: bytes.length });
      const answer = await sendForm(upload, bytes);
      if (answer.status === 201) uploaded += 1;
      else problems.push(`${file.filename}: S3 answered ${answer.status}: ${await answer.text()}`);
      return { id: upload.id, ...file };
    }),
  );
  let derived = 0;
  let refused = 0;
  for (const { id, filename, visibility } of uploads) {
    const media = await until(
      () => api.get<Media>(`/media/${id}`),
      ({ state }) => !["pending", "processing"].includes(state),
    );
    if (media.state === "refused") refused += 1;
    say(
      `${filename.padEnd(18)} ${media.state} after ${Date.now() - asked} ms${media.reason ? `: ${media.reason.message}` : ""}`,
    );
    if (filename === "logo.png") {
      if (media.state !== "refused") problems.push(`${filename} is ${media.state}: it holds a script`);
      continue;
    }
    if (!media.picture) {
      problems.push(`${filename} is ${media.state}, and has no sizes`);
      continue;
    }
    for (const { contentType, sizes } of media.picture.sources)
      for (const { url, width } of sizes) {
        const answer = await throughCdn(cdn, url);
        if (answer.status === 200 && answer.headers.get("content-type") === contentType) derived += 1;
        else problems.push(`${filename}, ${width} wide: the CDN answered ${answer.status}`);
      }
    say(
      `${"".padEnd(18)} ${media.picture.sources.map(({ contentType, sizes }) => `${contentType} ${sizes.map(({ width, size }) => `${width} (${Math.round(size / 1024)} kB)`).join(", ")}`).join("; ")}`,
    );
    const [first] = media.picture.sources.flatMap(({ sizes }) => sizes);
    if (visibility === "private" && first) {
      const bare = await throughCdn(cdn, first.url.replace(/\?.*/, ""));
      say(`${"".padEnd(18)} without its signature the CDN answers ${bare.status}`);
      if (bare.status !== 403)
        problems.push(`${filename}: the CDN gave a private picture to somebody without a signature`);
    }
  }
  return { figures: { uploaded, derived, refused }, problems };
}

/** The address names the distribution as AWS would; on this machine it is elsewhere. */
export function throughCdn(cdn: string, url: string): Promise<Response> {
  const { pathname, search } = new URL(url);
  return fetch(cdn + pathname + search);
}
