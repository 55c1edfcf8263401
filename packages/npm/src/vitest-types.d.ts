// What this package uses of Vitest, which whoever imports @lanyard/server/vitest has installed.
declare module "vitest" {
  type Hook = (prepare: () => Promise<void>) => void;
  export const beforeAll: Hook;
  export const beforeEach: Hook;
  export const afterAll: Hook;
}
