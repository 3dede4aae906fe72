/** What the image consumer does. A door of its own: who only shows pictures has nothing that decodes them in its bundle. */
export { type Delivery, take } from "../consume.ts";
export { provide as providePictures } from "../pictures.ts";
