package haredge.demo;

import org.junit.runners.model.FrameworkMethod;
import org.junit.runners.model.InitializationError;
import org.robolectric.RobolectricTestRunner;
import org.robolectric.internal.bytecode.InstrumentationConfiguration;

/** Runs Robolectric with one copy of each native library for all of Android's versions, since it is loaded once. */
public final class SandboxRunner extends RobolectricTestRunner {
    public SandboxRunner(Class<?> tests) throws InitializationError {
        super(tests);
    }

    @Override
    protected InstrumentationConfiguration createClassLoaderConfig(FrameworkMethod method) {
        return new InstrumentationConfiguration.Builder(super.createClassLoaderConfig(method))
                .doNotAcquirePackage("org.bytedeco.")
                .doNotAcquireClass("haredge.core.HarCore")
                .build();
    }
}
