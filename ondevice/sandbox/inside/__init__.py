"""What runs in a worker: it needs the standard library alone, and never imports the rest of the
package, so that a worker is there in a moment and a program finds little to hold on to."""
