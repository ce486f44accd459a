package dev.adapterferry.quant;

import static dev.adapterferry.quant.Lanes.COLUMNS;

/**
 * How super-blocks with 16 sub-blocks of 16 meet tiles: two super-blocks share a tile of 32 columns, one fills a tile
 * of 16, and with vectors of four lanes it takes two tiles of 8.
 */
abstract class SixteenGroups implements VectorKernel.Batch {
    /** Tiles in work. */
    static final int TILES = Math.max(1, 16 / COLUMNS);
    /** Sub-blocks of one super-block within one tile. */
    static final int GROUPS = Math.min(16, COLUMNS);

    @Override
    public final int size() {
        return Math.max(1, COLUMNS / 16);
    }

    /** Index within the super-block of the first value in a tile. */
    static int part(int tile) {
        return 16 * GROUPS * tile;
    }
}
