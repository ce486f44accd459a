package dev.adapterferry.lora;

class VectorProductTest implements BlockProductContract {
    @Override
    public BlockProduct product() {
        return new VectorProduct();
    }
}
