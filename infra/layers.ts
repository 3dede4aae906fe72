/** Lambda layers: archives that `npm run layers` has built, published anew only when their bytes have changed. */
import {
  archiveFile,
  builtArchive,
  inputsHash,
  type LayerName,
  layerNames,
  namesInLayers,
} from "../layers/contents";
import { createBucket } from "./bucket";
import { stage } from "./stage";

const root = process.cwd();

/** Else nobody looks at what was built: a graph follows from the sources alone, and removing a stage needs no archive. */
const uploads = !["synth", "remove", "refresh"].includes($cli.command);

export const layersBucket = createBucket("LayersBucket");

function publish(layer: LayerName) {
  const { file, hash } = uploads
    ? builtArchive(root, layer)
    : { file: archiveFile(root, layer), hash: inputsHash(root, layer) };
  const name = `Layer${layer.charAt(0).toUpperCase()}${layer.slice(1)}`;
  const object = new aws.s3.BucketObjectv2(`${name}Archive`, {
    bucket: layersBucket.name,
    // A version is replaced when its key is another, so the key names the content and nothing else.
    key: `${layer}/${hash}.zip`,
    source: new $util.asset.FileAsset(file),
    contentType: "application/zip",
  });
  return new aws.lambda.LayerVersion(name, {
    layerName: `${$app.name}-${stage}-${layer}`,
    description: `layers/${layer}`,
    s3Bucket: object.bucket,
    s3Key: object.key,
    compatibleArchitectures: ["arm64"],
    compatibleRuntimes: ["nodejs22.x"],
    // What runs keeps its version while the next one is rolled out, and can be rolled back to.
    skipDestroy: true,
  });
}

/** In `sst dev` functions run on the developer's machine, with the packages of its node_modules. */
const versions = $dev ? undefined : new Map(layerNames.map((layer) => [layer, publish(layer)]));

/** What a function with these layers is given, and leaves out of its bundle. */
export function layersOf(layers: readonly LayerName[]): { arns: $util.Output<string>[]; external: string[] } {
  return {
    arns: layers.flatMap((layer) => versions?.get(layer)?.arn ?? []),
    external: namesInLayers(root, layers),
  };
}
