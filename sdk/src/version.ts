/** Version of the project and of its contracts; every event carries it. */
export const VERSION = '0.1.0';
