export type PictureFormat = "jpeg" | "png" | "gif" | "webp" | "avif" | "tiff";

/** EXIF's: 1 as stored, 2 to 8 mirrored and turned. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** What a picture's own headers say. */
export interface Header {
  format: PictureFormat;
  /** As the decoder gives it: before `orientation` is applied. */
  width: number;
  height: number;
  /** Still to be applied after decoding. */
  orientation: Orientation;
  /** Of an animation, else 1. */
  frames: number;
  hasAlpha: boolean;
  colourSpace: ColourSpace;
  /** Of a channel. */
  bitDepth: number;
  /** An embedded colour profile that the decoder will see. One that says sRGB is left out of JPEG and PNG. */
  hasProfile: boolean;
  /** The embedded colour profile, where it is at hand. */
  profile?: Buffer;
  /** A profile for RGB that the file names without embedding it, so that the decoder does not follow it. */
  assign?: Buffer;
  /** An animation that the decoder does not know. */
  animation?: Animation;
  /** The picture alone: what it needs to be decoded with the right colours, and nothing else. */
  clean: Buffer;
  /** What surrounds the picture: metadata and what follows its end. Searched for other files. */
  surroundings: Surrounding[];
}

export type ColourSpace = "rgb" | "grey" | "cmyk" | "lab" | "palette";

export interface Surrounding {
  kind: "metadata" | "trailing";
  bytes: Buffer;
}

export interface Animation {
  frames: readonly ComposedFrame[];
  /** How often it runs; 0 is for ever. */
  loop: number;
}

/** One frame of an APNG as a PNG of its own, and how it gets onto the canvas. */
export interface ComposedFrame {
  png: Buffer;
  x: number;
  y: number;
  width: number;
  height: number;
  /** Milliseconds. */
  delay: number;
  blend: "source" | "over";
  dispose: "none" | "background" | "previous";
}

/** What is known of a picture before it is decoded. */
export interface Inspection {
  format: PictureFormat;
  /** As shown: its orientation is applied. */
  width: number;
  height: number;
  orientation: Orientation;
  /** 1 for a picture that does not move. */
  frames: number;
  hasAlpha: boolean;
  colourSpace: ColourSpace;
  /** Of a channel. */
  bitDepth: number;
  hasProfile: boolean;
  /** Of the file as it was sent, in hexadecimal. */
  sha256: string;
}

export interface Variant {
  width: number;
  height: number;
  format: "avif" | "webp" | "jpeg";
  contentType: string;
  /** Whether it moves. */
  animated: boolean;
  bytes: Buffer;
  sha256: string;
}
