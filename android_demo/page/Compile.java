import java.io.File;
import java.util.Arrays;
import java.util.stream.Collectors;
import org.teavm.backend.javascript.JSModuleType;
import org.teavm.diagnostics.DefaultProblemTextConsumer;
import org.teavm.tooling.TeaVMTool;
import org.teavm.vm.TeaVMOptimizationLevel;

/** Compiles the classes in a folder to a JavaScript module: {@code java -cp FOLDER:TEAVM Compile.java MAIN_CLASS MODULE}. */
final class Compile {
    public static void main(String[] arguments) throws Exception {
        File module = new File(arguments[1]);
        String[] classPath = System.getProperty("java.class.path").split(File.pathSeparator);
        TeaVMTool tool = new TeaVMTool();
        tool.setMainClass(arguments[0]);
        tool.setClassPath(Arrays.stream(classPath).map(File::new).collect(Collectors.toList()));
        tool.setJsModuleType(JSModuleType.ES2015);
        tool.setOptimizationLevel(TeaVMOptimizationLevel.ADVANCED);
        tool.setObfuscated(true);
        tool.setTargetDirectory(module.getParentFile());
        tool.setTargetFileName(module.getName());
        tool.generate();
        tool.getProblemProvider().getSevereProblems().forEach(problem -> {
            DefaultProblemTextConsumer text = new DefaultProblemTextConsumer();
            problem.render(text);
            throw new IllegalStateException("error: " + text.getText());
        });
    }
}
