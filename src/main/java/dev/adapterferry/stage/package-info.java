/**
 * The six stages of a run, each a bean with one method: it reads what the stages before it recorded, calls the rooms
 * below, and records what came of it under a key that is a hash of its inputs. A stage whose key is known and whose files
 * still hold is not done again. Nothing here knows Camel: the routes call these beans.
 */
package dev.adapterferry.stage;
