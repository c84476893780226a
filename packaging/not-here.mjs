/** Before `npm pack` and `npm publish` in the checkout: what lies here is for working on sallyport, with everything that needs. */
console.error('This is the workshop. "npm run pack" makes the package for programs, "npm run dist" what people run.');
process.exitCode = 1;
