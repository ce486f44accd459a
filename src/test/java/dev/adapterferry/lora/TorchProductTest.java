package dev.adapterferry.lora;

class TorchProductTest implements BlockProductContract {
    @Override
    public BlockProduct product() {
        return new TorchProduct();
    }
}
