import java.io.File;
import java.util.ArrayList;
import java.util.List;
import org.teavm.backend.javascript.JSModuleType;
import org.teavm.diagnostics.DefaultProblemTextConsumer;
import org.teavm.diagnostics.Problem;
import org.teavm.tooling.TeaVMTargetType;
import org.teavm.tooling.TeaVMTool;
import org.teavm.vm.TeaVMOptimizationLevel;

/** Compiles Java classes to a JavaScript module by TeaVM: {@code java -cp TEAVM Compile.java MAIN_CLASS CLASSES TARGET}. */
final class Compile {
    public static void main(String[] arguments) throws Exception {
        List<File> classPath = new ArrayList<>(List.of(new File(arguments[1])));
        for (String path : System.getProperty("java.class.path").split(File.pathSeparator)) {
            classPath.add(new File(path));
        }
        File target = new File(arguments[2]);
        TeaVMTool tool = new TeaVMTool();
        tool.setMainClass(arguments[0]);
        tool.setClassPath(classPath);
        tool.setTargetType(TeaVMTargetType.JAVASCRIPT);
        tool.setJsModuleType(JSModuleType.ES2015);
        tool.setOptimizationLevel(TeaVMOptimizationLevel.ADVANCED);
        tool.setObfuscated(true);
        tool.setTargetDirectory(target.getParentFile());
        tool.setTargetFileName(target.getName());
        tool.generate();
        for (Problem problem : tool.getProblemProvider().getSevereProblems()) {
            DefaultProblemTextConsumer text = new DefaultProblemTextConsumer();
            problem.render(text);
            System.err.println("error: " + text.getText());
            System.exit(1);
        }
    }
}
