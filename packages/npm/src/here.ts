/** A file of this package. The build replaces it in the ECMAScript modules, which know where they are in another way. */
export const here: string = __filename;
