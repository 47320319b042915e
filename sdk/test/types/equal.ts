/** `true` when two types are the same, `any` being the same as nothing but itself. */
export type Equal<Left, Right> = (<T>() => T extends Left ? 1 : 2) extends (<T>() => T extends Right ? 1 : 2)
  ? true
  : false;

/** Compiles for `true` alone. */
export const holds = <Claim extends true>(): Claim | void => {};
