// The one thing that the client takes from Node.js, in place of a package of types.
declare const process: { argv: string[] };
